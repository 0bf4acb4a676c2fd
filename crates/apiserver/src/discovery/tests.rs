//! Discovery as clients read it.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt as _;
use pilothouse_machinery::Environment;
use serde_json::Value;

use super::respond;
use crate::ApiServer;

const AGGREGATED: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

fn server() -> ApiServer {
    ApiServer::builder().environment(Environment::seeded(1)).build()
}

async fn get(server: &ApiServer, path: &str, headers: HeaderMap) -> (StatusCode, HeaderMap, Value) {
    let response = respond(server, &Method::GET, &path.parse().unwrap(), &headers);
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

#[tokio::test]
async fn aggregated_discovery_has_a_tag_that_lasts_until_a_kind_changes() {
    let server = server();
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static(AGGREGATED));
    let (code, answered, body) = get(&server, "/apis", headers.clone()).await;
    assert_eq!((code, &body["kind"]), (StatusCode::OK, &Value::from("APIGroupDiscoveryList")));
    let batch =
        &body["items"].as_array().unwrap().iter().find(|item| item["metadata"]["name"] == "batch").unwrap();
    let jobs = &batch["versions"][0]["resources"].as_array().unwrap()[1];
    assert_eq!(jobs["resource"], "jobs");
    assert_eq!(jobs["subresources"][0]["responseKind"]["kind"], "Job");
    headers.insert(header::IF_NONE_MATCH, answered[header::ETAG].clone());
    assert_eq!(get(&server, "/apis", headers.clone()).await.0, StatusCode::NOT_MODIFIED);
    server.registry().remove("batch", "v1", "jobs");
    assert_eq!(get(&server, "/apis", headers).await.0, StatusCode::OK);
}

#[tokio::test]
async fn plain_discovery_answers_those_who_do_not_ask_for_more() {
    let server = server();
    let (_, _, body) = get(&server, "/apis", HeaderMap::new()).await;
    assert_eq!(body["kind"], "APIGroupList");
    let (_, _, body) = get(&server, "/api/v1", HeaderMap::new()).await;
    let pods = body["resources"].as_array().unwrap().iter().find(|entry| entry["name"] == "pods").unwrap();
    assert_eq!((&pods["singularName"], &pods["shortNames"][0]), (&"pod".into(), &"po".into()));
    for (path, code) in [
        ("/apis/nope", 404),
        ("/api/v2", 404),
        ("/nope", 404),
        ("/openapi/v2", 404),
        ("/healthz/ping", 200),
        ("/version", 200),
    ] {
        assert_eq!(get(&server, path, HeaderMap::new()).await.0.as_u16(), code, "{path}");
    }
}

#[tokio::test]
async fn openapi_tells_kubectl_that_fields_are_validated_here() {
    let server = server();
    let (_, _, index) = get(&server, "/openapi/v3", HeaderMap::new()).await;
    let url = index["paths"]["apis/batch/v1"]["serverRelativeURL"].as_str().unwrap();
    let (_, _, document) = get(&server, url.split('?').next().unwrap(), HeaderMap::new()).await;
    let patch = &document["paths"]["/apis/batch/v1/namespaces/{namespace}/jobs/{name}"]["patch"];
    assert_eq!(patch["x-kubernetes-group-version-kind"]["kind"], "Job");
    let parameters = patch["parameters"].as_array().unwrap();
    assert!(parameters.iter().any(|parameter| parameter["name"] == "fieldValidation"));
    let media = &patch["requestBody"]["content"];
    assert!(media.get("application/strategic-merge-patch+json").is_some());
    let job = &document["components"]["schemas"]["io.k8s.api.batch.v1.Job"];
    assert_eq!(job["x-kubernetes-group-version-kind"][0]["kind"], "Job");
    let reference = job["properties"]["spec"]["allOf"][0]["$ref"].as_str().unwrap();
    assert_eq!(reference, "#/components/schemas/io.k8s.api.batch.v1.JobSpec");
    assert!(
        document["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
            .is_object()
    );
}
