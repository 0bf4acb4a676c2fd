//! Requests for paths and types known only at run time.

use http::Method;
use pilothouse_machinery::{ObjectKey, ResourceType};
use serde_json::Value;

use super::request::{action, bare, object_path, with_json};
use super::response::decode;
use super::retry::send_once;
use super::{Client, ClientError, DeleteOptions, Patch};

const JSON: &str = "application/json";

impl Client {
    /// Reads `path` (with query, if any) as JSON: an object, a list in one page, discovery.
    pub async fn get_json(&self, path: &str) -> Result<Value, ClientError> {
        let action = format!("get {path}");
        let request = bare(&action, Method::GET, path)?;
        decode(&action, &self.exchange(&action, request).await?)
    }

    /// Reads one object of a type known only at run time, live from the server, and tries once only.
    pub(crate) async fn get_value(
        &self,
        resource: &ResourceType,
        key: &ObjectKey,
    ) -> Result<Value, ClientError> {
        let action = action("get", resource, key);
        let request = bare(&action, Method::GET, &object_path(&action, resource, key)?)?;
        decode(&action, &self.exchange(&action, send_once(request)).await?)
    }

    /// Posts `body` to `path`: creates an object in a collection, or calls a subresource such as `eviction`.
    pub async fn post_json(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        let action = format!("post to {path}");
        let request = with_json(&action, Method::POST, &self.managed_path(path), JSON, body)?;
        decode(&action, &self.exchange(&action, request).await?)
    }

    /// Replaces the object at `path`.
    pub async fn put_json(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        let action = format!("put {path}");
        let request = with_json(&action, Method::PUT, &self.managed_path(path), JSON, body)?;
        decode(&action, &self.exchange(&action, request).await?)
    }

    /// Changes the object at `path`.
    pub async fn patch_json(&self, path: &str, patch: &Patch) -> Result<Value, ClientError> {
        let action = format!("patch {path}");
        let (media_type, body) = patch.parts();
        let request = with_json(&action, Method::PATCH, &self.patch_query(patch).on(path), media_type, body)?;
        decode(&action, &self.exchange(&action, request).await?)
    }

    /// Deletes the object at `path`; the answer is the object as it was, or a `Status`.
    pub async fn delete_json(&self, path: &str, options: &DeleteOptions) -> Result<Value, ClientError> {
        let action = format!("delete {path}");
        let request = with_json(&action, Method::DELETE, path, JSON, &options.body())?;
        decode(&action, &self.exchange(&action, request).await?)
    }

    /// The path with the field manager, unless it has a query of its own.
    fn managed_path(&self, path: &str) -> String {
        if path.contains('?') { path.to_owned() } else { self.managed().on(path) }
    }
}
