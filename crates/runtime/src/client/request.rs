//! Building requests.

use std::fmt::Write;

use http::{HeaderValue, Method, Request, header};
use pilothouse_machinery::{ObjectKey, ResourceType};
use serde::Serialize;

use super::ClientError;

/// The query of a URL, percent-encoded as it grows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(String);

impl Query {
    /// Appends `name=value`.
    pub(crate) fn add(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        escape(value, b"-._~", &mut self.0);
    }

    /// Appends `name=value` where there is a value.
    pub(crate) fn add_some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    /// This query followed by `other`.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        if !self.0.is_empty() && !other.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(&other.0);
        self
    }

    /// The path followed by the query.
    pub(crate) fn on(&self, path: &str) -> String {
        if self.0.is_empty() { path.to_owned() } else { format!("{path}?{}", self.0) }
    }
}

/// Appends `text`, percent-encoded but for letters, digits and what is `plain`.
fn escape(text: &str, plain: &[u8], into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            into.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

/// A name as a segment of a path; refused where the server would read it as something else. An empty one would
/// address the whole collection: to delete that must never be an accident.
fn segment(action: &str, name: &str) -> Result<String, ClientError> {
    if matches!(name, "" | "." | "..") || name.contains(['/', '%']) {
        let problem = "a name or namespace is empty, a dot or two, or has a slash or percent sign";
        return Err(ClientError::Name { action: action.to_owned(), problem });
    }
    let mut segment = String::with_capacity(name.len());
    escape(name, b"-._~:@!$&'()*+,;=", &mut segment);
    Ok(segment)
}

/// The path of one object.
pub(super) fn object_path(
    action: &str,
    resource: &ResourceType,
    key: &ObjectKey,
) -> Result<String, ClientError> {
    let namespace = match key.namespace() {
        Some(namespace) => segment(action, namespace)?,
        None if resource.is_namespaced() => {
            let problem = "the object's type is namespaced, and its key has no namespace";
            return Err(ClientError::Name { action: action.to_owned(), problem });
        }
        None => String::new(),
    };
    Ok(resource.object_path(&ObjectKey::new(namespace, segment(action, &key.name)?)))
}

/// The path of a collection: across all namespaces when `namespace` is `None`.
pub(crate) fn collection_path(
    action: &str,
    resource: &ResourceType,
    namespace: Option<&str>,
) -> Result<String, ClientError> {
    let namespace = namespace.map(|namespace| segment(action, namespace)).transpose()?;
    Ok(resource.collection_path(namespace.as_deref()))
}

/// What a request does, for errors: `get jobs.batch/v1 default/hello`.
pub(super) fn action(verb: &str, resource: &ResourceType, key: &ObjectKey) -> String {
    format!("{verb} {resource} {key}")
}

/// A request without a body.
pub(crate) fn bare(action: &str, method: Method, uri: &str) -> Result<Request<Vec<u8>>, ClientError> {
    build(action, method, uri, None, Vec::new())
}

/// A request with a JSON body.
pub(super) fn with_json<T: Serialize + ?Sized>(
    action: &str,
    method: Method,
    uri: &str,
    media_type: &'static str,
    body: &T,
) -> Result<Request<Vec<u8>>, ClientError> {
    let body = serde_json::to_vec(body)
        .map_err(|source| ClientError::Encode { action: action.to_owned(), source })?;
    build(action, method, uri, Some(media_type), body)
}

fn build(
    action: &str,
    method: Method,
    uri: &str,
    media_type: Option<&'static str>,
    body: Vec<u8>,
) -> Result<Request<Vec<u8>>, ClientError> {
    let mut request = Request::builder()
        .method(method)
        .uri(uri)
        .body(body)
        .map_err(|source| ClientError::Request { action: action.to_owned(), source })?;
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(media_type) = media_type {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_values_are_percent_encoded() {
        let mut query = Query::default();
        assert_eq!(query.on("/api"), "/api");
        query.add("labelSelector", "a in (b,c),d=é");
        query.add_some("limit", None);
        query.add("limit", "5");
        assert_eq!(query.on("/api"), "/api?labelSelector=a%20in%20%28b%2Cc%29%2Cd%3D%C3%A9&limit=5");
    }
}
