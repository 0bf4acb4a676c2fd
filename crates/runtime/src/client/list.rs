//! Lists of typed objects, page by page.

use http::Method;
use serde::Deserialize;

use super::request::bare;
use super::response::decode;
use super::{Client, ClientError, ListOptions};
use crate::object::Object;

const PAGE_SIZE: u32 = 500;

#[derive(Deserialize)]
struct Page<T> {
    #[serde(default)]
    metadata: PageMetadata,
    #[serde(default = "Option::default")]
    items: Option<Vec<T>>,
}

#[derive(Default, Deserialize)]
struct PageMetadata {
    #[serde(default, rename = "continue")]
    continue_token: Option<String>,
}

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
        let path = resource.collection_path(namespace);
        let mut page_size = Some(options.page_size.unwrap_or(PAGE_SIZE));
        let (mut items, mut token) = (Vec::new(), String::new());
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
            let body = match self.exchange(&action, request).await {
                Err(ClientError::Status { status, .. }) if status.is_expired() && !token.is_empty() => {
                    (items, token, page_size) = (Vec::new(), String::new(), None);
                    continue;
                }
                outcome => outcome?,
            };
            let page: Page<T> = decode(&action, &body)?;
            items.extend(page.items.unwrap_or_default());
            token = page.metadata.continue_token.unwrap_or_default();
            if token.is_empty() {
                return Ok(items);
            }
        }
    }
}
