//! A server in process and plain requests to it.

#![allow(dead_code, clippy::unwrap_used, reason = "a part of each test, and each test uses a part of it")]

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use pilothouse_apiserver::{ApiServer, ApiServerBuilder, ResponseBody, UserService};
use pilothouse_machinery::Environment;
use serde_json::{Value, json};
use tower::ServiceExt;

pub(crate) const MAPS: &str = "/api/v1/namespaces/default/configmaps";
pub(crate) const PODS: &str = "/api/v1/namespaces/default/pods";
pub(crate) const MERGE: &str = "application/merge-patch+json";

/// An answer: its code, its headers and its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The body of an answer of this code.
    #[track_caller]
    pub(crate) fn expect(self, code: u16) -> Value {
        assert_eq!(self.code, code, "{}", self.body);
        self.body
    }
}

pub(crate) fn builder() -> ApiServerBuilder {
    let epoch: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    ApiServer::builder().environment(Environment::simulated(1, epoch))
}

pub(crate) fn server() -> ApiServer {
    builder().build()
}

/// Sends a request and waits for its whole answer.
pub(crate) async fn send(server: &ApiServer, request: Request<Full<Bytes>>) -> Answer {
    answer(server.clone().oneshot(request).await.unwrap()).await
}

/// Sends a request of a user and waits for its whole answer.
pub(crate) async fn send_as(user: &UserService, request: Request<Full<Bytes>>) -> Answer {
    answer(user.clone().oneshot(request).await.unwrap()).await
}

async fn answer(response: Response<ResponseBody>) -> Answer {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = || Value::from(String::from_utf8_lossy(&bytes).into_owned());
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
    Answer { code: parts.status.as_u16(), headers: parts.headers, body }
}

/// A request of a user with a JSON body; with none for `Value::Null`.
pub(crate) async fn call(user: &UserService, method: &str, path: &str, body: Value) -> Answer {
    let content_type = if method == "PATCH" { MERGE } else { "application/json" };
    let body = if body.is_null() { String::new() } else { body.to_string() };
    send_as(user, request(method, path, content_type, body)).await
}

pub(crate) fn request(
    method: &str,
    path: &str,
    content_type: &str,
    body: impl Into<Bytes>,
) -> Request<Full<Bytes>> {
    let builder = Request::builder().method(method).uri(path).header("content-type", content_type);
    builder.header("user-agent", "tests/1.0").body(Full::new(body.into())).unwrap()
}

pub(crate) async fn get(server: &ApiServer, path: &str) -> Answer {
    send(server, Request::builder().uri(path).body(Full::default()).unwrap()).await
}

pub(crate) async fn post(server: &ApiServer, path: &str, body: Value) -> Answer {
    send(server, request("POST", path, "application/json", body.to_string())).await
}

pub(crate) async fn put(server: &ApiServer, path: &str, body: Value) -> Answer {
    send(server, request("PUT", path, "application/json", body.to_string())).await
}

pub(crate) async fn merge(server: &ApiServer, path: &str, body: Value) -> Answer {
    send(server, request("PATCH", path, MERGE, body.to_string())).await
}

pub(crate) async fn delete(server: &ApiServer, path: &str, body: Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    send(server, request("DELETE", path, "application/json", body)).await
}

/// A config map with one label.
pub(crate) fn map(name: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"name": name}}, "data": {"k": "1"}})
}

pub(crate) fn pod(name: &str, node: Option<&str>) -> Value {
    let mut pod =
        json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}});
    if let Some(node) = node {
        pod["spec"]["nodeName"] = node.into();
    }
    pod
}

pub(crate) fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

pub(crate) fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

/// An open watch.
pub(crate) struct Watch(ResponseBody);

impl Watch {
    pub(crate) async fn open(server: &ApiServer, path: &str) -> Self {
        let request = Request::builder().uri(path).body(Full::<Bytes>::default()).unwrap();
        let response = server.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        Self(response.into_body())
    }

    /// The next event; `None` when the watch has ended.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        let frame = self.0.frame().await?.unwrap();
        let line = frame.into_data().unwrap();
        assert!(line.ends_with(b"\n"));
        Some(serde_json::from_slice(&line).unwrap())
    }

    /// The events that are there already, as `TYPE name`.
    pub(crate) async fn ready(&mut self) -> Vec<String> {
        let mut seen = Vec::new();
        while let Ok(Some(event)) =
            tokio::time::timeout(std::time::Duration::from_millis(1), self.next()).await
        {
            let name = event["object"]["metadata"]["name"].as_str().unwrap_or_default();
            seen.push(format!("{} {name}", event["type"].as_str().unwrap()).trim_end().to_owned());
        }
        seen
    }
}
