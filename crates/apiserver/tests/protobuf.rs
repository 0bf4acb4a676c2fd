//! Answers in protobuf: the same as in JSON, where the type has protobuf.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use WatchEventType::{Added, Bookmark, Deleted, Error, Modified};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use pilothouse_apiserver::ApiServer;
use pilothouse_machinery::framing::{
    FramingLimits, ProtobufListSplitter, ProtobufWatchFrame, ProtobufWatchSplitter, WatchEventType,
};
use pilothouse_machinery::protobuf;
use serde_json::{Value, json};
use support::*;
use tower::ServiceExt;

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// The code, media type and body of the answer to a client that accepts `accept`.
async fn fetch(server: &ApiServer, method: &str, path: &str, accept: &str) -> (u16, String, Bytes) {
    let request = Request::builder().method(method).uri(path).header(header::ACCEPT, accept);
    let response = server.clone().oneshot(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let media_type = parts.headers[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    (parts.status.as_u16(), media_type, body.collect().await.unwrap().to_bytes())
}

/// The object in an answer that must be protobuf.
async fn decoded(server: &ApiServer, path: &str, accept: &str) -> Value {
    let (_, media_type, body) = fetch(server, "GET", path, accept).await;
    assert_eq!(media_type, PROTOBUF, "{path}");
    protobuf::decode(&body).unwrap().1
}

/// What JSON leaves out or shows of what is not set differs between stored JSON and Go's; what is set is the same.
fn set(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), set(value)));
            let empty = |value: &Value| {
                value.is_null() || *value == json!({}) || *value == json!([]) || *value == json!("")
            };
            fields.filter(|(_, value)| !empty(value)).collect()
        }
        Value::Array(items) => items.iter().map(set).collect(),
        other => other.clone(),
    }
}

async fn filled() -> ApiServer {
    let server = server();
    for name in ["a", "b", "c"] {
        post(&server, MAPS, map(name)).await.expect(201);
        post(&server, PODS, pod(name, Some("node"))).await.expect(201);
    }
    let deployment = json!({"metadata": {"name": "web"}, "spec": {"replicas": 2, "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i",
            "livenessProbe": {"httpGet": {"path": "/", "port": "http"}}, "resources": {"limits": {"cpu": "1500m"}}}]}}}});
    post(&server, "/apis/apps/v1/namespaces/default/deployments", deployment).await.expect(201);
    server
}

#[tokio::test(start_paused = true)]
async fn objects_and_lists_are_the_same_in_both_forms() {
    let server = filled().await;
    for path in [
        MAPS.to_owned(),
        format!("{MAPS}/a"),
        format!("{MAPS}?limit=2"),
        format!("{MAPS}?labelSelector=name%3Dnone"),
        PODS.to_owned(),
        format!("{PODS}/b"),
        "/apis/apps/v1/deployments".to_owned(),
        "/apis/apps/v1/namespaces/default/deployments/web".to_owned(),
        "/apis/apps/v1/namespaces/default/deployments/web/scale".to_owned(),
        "/api/v1/namespaces/default".to_owned(),
    ] {
        let json = get(&server, &path).await.expect(200);
        // Twice: the second answer comes from what the first has kept.
        for _ in 0..2 {
            assert_eq!(set(&decoded(&server, &path, PROTOBUF).await), set(&json), "{path}");
        }
    }
    let (_, _, body) = fetch(&server, "GET", MAPS, PROTOBUF).await;
    let (mut splitter, mut items) = (ProtobufListSplitter::new(FramingLimits::default()), Vec::new());
    splitter.push(&body, &mut items).unwrap();
    assert_eq!(items.len(), 3);
    assert_eq!(splitter.finish().unwrap().kind.as_deref(), Some("ConfigMapList"));
}

#[tokio::test(start_paused = true)]
async fn the_clause_of_the_highest_quality_that_can_be_written_decides() {
    let server = filled().await;
    let path = format!("{MAPS}/a");
    for (accept, expected) in [
        ("application/vnd.kubernetes.protobuf,application/json", PROTOBUF),
        ("application/json,application/vnd.kubernetes.protobuf", "application/json"),
        ("application/json;q=0.5, application/vnd.kubernetes.protobuf;q=0.9", PROTOBUF),
        ("application/vnd.kubernetes.protobuf;q=0.1,application/json;q=0.2", "application/json"),
        ("*/*,application/vnd.kubernetes.protobuf", PROTOBUF),
        ("application/vnd.kubernetes.protobuf;type=collection", PROTOBUF),
        (
            "application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1,application/json",
            "application/json",
        ),
        ("application/cbor,application/vnd.kubernetes.protobuf", PROTOBUF),
        ("*/*", "application/json"),
    ] {
        let (code, media_type, _) = fetch(&server, "GET", &path, accept).await;
        assert_eq!((code, &*media_type), (200, expected), "{accept}");
    }
}

#[tokio::test(start_paused = true)]
async fn partial_metadata_has_protobuf() {
    let server = filled().await;
    let form = "as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let object = decoded(&server, &format!("{MAPS}/a"), &format!("{PROTOBUF};{form}")).await;
    assert_eq!(
        (&object["kind"], &object["apiVersion"]),
        (&json!("PartialObjectMetadata"), &json!("meta.k8s.io/v1"))
    );
    assert_eq!((&object["metadata"]["name"], object.get("data")), (&json!("a"), None));
    let form = "as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let list = decoded(&server, MAPS, &format!("{PROTOBUF};{form}")).await;
    assert_eq!((&list["kind"], names(&list)), (&json!("PartialObjectMetadataList"), vec!["a", "b", "c"]));
}

#[tokio::test(start_paused = true)]
async fn failures_and_deletions_answer_a_status_in_protobuf() {
    let server = filled().await;
    let path = format!("{MAPS}/none");
    let (code, media_type, body) = fetch(&server, "GET", &path, PROTOBUF).await;
    assert_eq!((code, &*media_type), (404, PROTOBUF));
    assert_eq!(set(&protobuf::decode(&body).unwrap().1), set(&get(&server, &path).await.body));
    let (code, media_type, body) = fetch(&server, "DELETE", &format!("{MAPS}/a"), PROTOBUF).await;
    assert_eq!((code, &*media_type), (200, PROTOBUF));
    assert_eq!(protobuf::decode(&body).unwrap().1["status"], "Success");
}

#[tokio::test(start_paused = true)]
async fn custom_resources_have_json_or_nothing() {
    let server = server();
    let definition = json!({"metadata": {"name": "sites.example.dev"}, "spec": {"group": "example.dev",
        "scope": "Namespaced", "names": {"plural": "sites", "kind": "Site"}, "versions": [{"name": "v1",
            "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object",
                "x-kubernetes-preserve-unknown-fields": true}}}]}});
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    post(&server, definitions, definition).await.expect(201);
    let own = decoded(&server, &format!("{definitions}/sites.example.dev"), PROTOBUF).await;
    assert_eq!(own["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["type"], "object");
    let path = "/apis/example.dev/v1/namespaces/default/sites";
    let (code, media_type, _) = fetch(&server, "GET", path, &format!("{PROTOBUF},application/json")).await;
    assert_eq!((code, &*media_type), (200, "application/json"));
    let (code, media_type, body) = fetch(&server, "GET", path, PROTOBUF).await;
    assert_eq!((code, &*media_type), (406, "application/json"));
    let status: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        status["message"],
        "only the following media types are accepted: application/json, application/yaml"
    );
}

/// An open watch in protobuf.
struct Frames {
    body: pilothouse_apiserver::ResponseBody,
    splitter: ProtobufWatchSplitter,
}

impl Frames {
    async fn open(server: &ApiServer, path: &str, accept: &str) -> Self {
        let request = Request::builder().uri(path).header(header::ACCEPT, accept);
        let request = request.body(Full::<Bytes>::default()).unwrap();
        let response = server.clone().oneshot(request).await.unwrap();
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/vnd.kubernetes.protobuf;stream=watch"
        );
        let splitter = ProtobufWatchSplitter::new(FramingLimits::default());
        Self { body: response.into_body(), splitter }
    }

    async fn next(&mut self) -> (ProtobufWatchFrame, Value) {
        let mut frames = Vec::new();
        let chunk = self.body.frame().await.unwrap().unwrap().into_data().unwrap();
        self.splitter.push(chunk, &mut frames).unwrap();
        let frame = frames.pop().unwrap();
        let body = protobuf::envelope(&frame.api_version, &frame.kind, &frame.object);
        let object = protobuf::decode(&body).unwrap().1;
        (frame, object)
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_the_same_in_both_forms() {
    let server = filled().await;
    let path = format!(
        "{MAPS}?watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
    );
    let accept = "application/vnd.kubernetes.protobuf;stream=watch, application/json";
    let mut json = Watch::open(&server, &path).await;
    let mut protobuf = Frames::open(&server, &path, accept).await;
    let mut types = Vec::new();
    for _ in 0..4 {
        let (event, (frame, object)) = (json.next().await.unwrap(), protobuf.next().await);
        assert_eq!(event["type"], frame.event_type.as_str());
        assert_eq!((&*frame.kind, &*frame.api_version), ("ConfigMap", "v1"));
        assert_eq!(set(&object), set(&event["object"]));
        types.push(frame.event_type);
    }
    assert_eq!(types, [Added, Added, Added, Bookmark]);
    merge(&server, &format!("{MAPS}/a"), json!({"data": {"k": "2"}})).await.expect(200);
    delete(&server, &format!("{MAPS}/a"), json!(null)).await.expect(200);
    for expected in [Modified, Deleted] {
        let (event, (frame, object)) = (json.next().await.unwrap(), protobuf.next().await);
        assert_eq!(frame.event_type, expected);
        assert_eq!(set(&object), set(&event["object"]));
    }
    server.compact(None);
    let path = format!("{MAPS}?watch=1&resourceVersion=1");
    let (frame, status) = Frames::open(&server, &path, accept).await.next().await;
    assert_eq!((frame.event_type, &*frame.kind), (Error, "Status"));
    assert_eq!((&status["code"], &status["reason"]), (&json!(410), &json!("Expired")));
}

#[tokio::test(start_paused = true)]
async fn a_watch_of_metadata_has_protobuf() {
    let server = filled().await;
    let accept = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let (frame, object) = Frames::open(&server, &format!("{PODS}?watch=1"), accept).await.next().await;
    assert_eq!(&*frame.kind, "PartialObjectMetadata");
    assert_eq!((&object["metadata"]["name"], object.get("spec")), (&json!("a"), None));
}
