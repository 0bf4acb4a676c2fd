//! Lists of typed objects, page by page.

use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;
use kube::client::Body;
use pilothouse_machinery::framing::{FramingError, FramingLimits, ListMetadata, ListSplitter};

use super::request::{bare, collection_path};
use super::response::{decode, failure_of, is_success};
use super::{Client, ClientError, ListOptions};
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
            let response = self.send_as(&action, request).await?;
            if !is_success(&response) {
                let status = Box::new(self.in_time(&action, failure_of(response)).await?);
                if status.is_expired() && !token.is_empty() {
                    (items, token, page_size) = (Vec::new(), String::new(), None);
                    continue;
                }
                return Err(ClientError::Status { action, status });
            }
            let take = |item: &Bytes| decode(&action, item).map(|item| items.push(item));
            let metadata = self.read_items(&action, response.into_body(), take).await?;
            token = metadata.continue_token.unwrap_or_default();
            if token.is_empty() {
                return Ok(items);
            }
        }
    }

    /// Reads one page of a list, item by item as they arrive, so that the body is never held as a whole. The
    /// request timeout applies to each piece of the body.
    pub(crate) async fn read_items(
        &self,
        action: &str,
        mut body: Body,
        mut take: impl FnMut(&Bytes) -> Result<(), ClientError>,
    ) -> Result<ListMetadata, ClientError> {
        let mut splitter = ListSplitter::new(FramingLimits::default());
        let mut items = Vec::new();
        while let Some(frame) = self.in_time(action, body.frame()).await? {
            let frame = frame.map_err(|source| ClientError::Transport {
                action: action.to_owned(),
                source: Box::new(source),
            })?;
            let Ok(chunk) = frame.into_data() else { continue };
            splitter.push(&chunk, &mut items).map_err(|error| unsplittable(action, error))?;
            items.drain(..).try_for_each(|item| take(&item))?;
        }
        splitter.finish().map(|envelope| envelope.metadata).map_err(|error| unsplittable(action, error))
    }
}

fn unsplittable(action: &str, error: FramingError) -> ClientError {
    let (action, source) = (action.to_owned(), Box::new(error));
    match *source {
        FramingError::Truncated => ClientError::Transport { action, source },
        _ => ClientError::Decode { action, source },
    }
}
