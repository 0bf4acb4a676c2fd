//! Lists of typed objects, page by page.

use http::Method;

use super::request::{bare, collection_path};
use super::response::{decode, failure_of, is_success};
use super::{Client, ClientError, ListOptions, ListReader};
use crate::object::Object;

const PAGE_SIZE: u32 = 500;

impl Client {
    /// Reads all objects of a type: in one namespace, or in all when `None`. Pages are read one after the other
    /// and belong to one state of the server; when that state expires in between, the list starts anew in one
    /// page (conformance R10).
    pub async fn list<T: Object>(
        &self,
        namespace: Option<&str>,
        options: &ListOptions,
    ) -> Result<Vec<T>, ClientError> {
        let resource = T::resource_type();
        let action = format!("list {resource}");
        let path = collection_path(&action, &resource, namespace)?;
        let mut page_size = Some(options.page_size.unwrap_or(PAGE_SIZE));
        let (mut items, mut page, mut token) = (Vec::new(), Vec::new(), String::new());
        loop {
            let mut query = options.query();
            query.add_some("limit", page_size.map(|size| size.to_string()).as_deref());
            if token.is_empty() {
                if let Some(version) = &options.resource_version {
                    query.add("resourceVersion", &version.to_string());
                    query.add("resourceVersionMatch", "NotOlderThan");
                }
            } else {
                query.add("continue", &token);
            }
            let request = bare(&action, Method::GET, &query.on(&path))?;
            let response = self.send_as(&action, request).await?;
            if !is_success(&response) {
                let status = Box::new(self.in_time(&action, failure_of(response)).await?);
                if status.is_expired() && !token.is_empty() {
                    (items, token, page_size) = (Vec::new(), String::new(), None);
                    continue;
                }
                return Err(ClientError::Status { action, status });
            }
            let mut reader = ListReader::new(response.into_body());
            let metadata = loop {
                let end = reader.read(self, &action, &mut page).await?;
                page.drain(..).try_for_each(|item| decode(&action, &item).map(|item| items.push(item)))?;
                if let Some(metadata) = end {
                    break metadata;
                }
            };
            token = metadata.continue_token.unwrap_or_default();
            if token.is_empty() {
                return Ok(items);
            }
        }
    }
}
