//! Requests, retries and errors, against a scripted server.

use std::error::Error;
use std::time::Duration;

use http::Request;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Secret};
use pilothouse_machinery::{ObjectKey, ResourceVersion, StatusReason};
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::*;
use crate::object::ObjectExt;
use crate::testing::{Script, Step, answer, list, object, status, status_object, stream};

fn key() -> ObjectKey {
    ObjectKey::new("default", "a")
}

fn config_map() -> ConfigMap {
    serde_json::from_value(object("a", 7)).unwrap()
}

fn overloaded(wait: Option<&'static str>) -> Step {
    let headers = wait.map(|seconds| ("retry-after", seconds)).into_iter().collect();
    Step::Answer(429, headers, status_object(429, "TooManyRequests").to_string())
}

#[tokio::test(start_paused = true)]
async fn each_verb_goes_to_its_path_and_reads_its_answer() {
    let ok = || answer(200, &object("a", 8));
    let script = Script::of((0..6).map(|_| ok()));
    let client = script.client();
    let object = config_map();
    let version = ResourceVersion::from_number(8);
    assert_eq!(client.get::<ConfigMap>(&key()).await.unwrap().resource_version(), version);
    assert_eq!(client.create(&object).await.unwrap().resource_version(), version);
    assert_eq!(client.update(&object).await.unwrap().resource_version(), version);
    assert_eq!(client.update_status(&object).await.unwrap().resource_version(), version);
    let apply = Patch::apply(&object).unwrap();
    assert_eq!(client.patch::<ConfigMap>(&key(), &apply).await.unwrap().resource_version(), version);
    client.delete::<ConfigMap>(&key(), &DeleteOptions::of_uid("u")).await.unwrap();
    let seen: Vec<String> =
        script.seen().iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect();
    let expected = [
        "GET /api/v1/namespaces/default/configmaps/a",
        "POST /api/v1/namespaces/default/configmaps",
        "PUT /api/v1/namespaces/default/configmaps/a",
        "PUT /api/v1/namespaces/default/configmaps/a/status",
        "PATCH /api/v1/namespaces/default/configmaps/a",
        "DELETE /api/v1/namespaces/default/configmaps/a",
    ];
    assert_eq!(seen, expected);
    assert_eq!(script.seen()[1].parameter("fieldManager"), Some("pilothouse"));
    assert_eq!(script.seen()[4].parameter("force"), Some("true"));
    let Patch::Apply { object, .. } = apply else { panic!("not an apply patch") };
    assert!(object["metadata"].get("resourceVersion").is_none() && object["metadata"].get("uid").is_none());
}

#[test]
fn delete_options_are_written_as_the_api_reads_them() {
    let options = DeleteOptions {
        resource_version: Some(ResourceVersion::from_number(7)),
        ..DeleteOptions::of_uid("u")
            .with_propagation(Propagation::Foreground)
            .with_grace_period(Duration::ZERO)
    };
    let expected = json!({
        "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0, "propagationPolicy": "Foreground",
        "preconditions": {"uid": "u", "resourceVersion": "7"}
    });
    assert_eq!(options.body(), expected);
}

#[tokio::test(start_paused = true)]
async fn errors_say_what_was_tried_and_hold_the_servers_status() {
    let script = Script::of([
        status(404, "NotFound"),
        status(409, "Conflict"),
        status(409, "AlreadyExists"),
        Step::Answer(502, Vec::new(), "<html>bad gateway</html>".into()),
    ]);
    let client = script.client();
    let error = client.get::<ConfigMap>(&key()).await.unwrap_err();
    assert!(error.is_not_found() && !error.is_retryable());
    assert_eq!(error.to_string(), "cannot get configmaps/v1 default/a");
    assert!(error.source().unwrap().to_string().contains("404"));
    let error = client.update(&config_map()).await.unwrap_err();
    assert!(error.is_conflict() && error.is_retryable() && !error.may_have_been_applied());
    let error = client.create(&config_map()).await.unwrap_err();
    assert!(error.is_already_exists() && !error.is_retryable());
    let error = client.get::<Node>(&ObjectKey::cluster("n")).await.unwrap_err();
    assert_eq!(error.status().unwrap().message, "<html>bad gateway</html>");
    assert_eq!((error.status().unwrap().code, error.is_retryable()), (502, true));
}

#[tokio::test(start_paused = true)]
async fn z3_an_answer_that_cannot_be_read_is_not_quoted() {
    let mut secret = object("s", 7);
    secret["data"] = "aHVudGVyMg==".into();
    let error = Script::of([answer(200, &secret)]).client().get::<Secret>(&key()).await.unwrap_err();
    let said = format!("{error:?}{error}{}", error.source().unwrap());
    assert!(!said.contains("aHVudGVyMg") && said.contains("expected a map"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn n4_an_error_body_compact_pretty_or_missing_becomes_a_status() {
    let gone = status_object(410, "Expired");
    for body in [gone.to_string(), format!("{gone:#}"), String::new()] {
        let said = if body.is_empty() { "410 Gone" } else { "m" };
        let script = Script::of([Step::Answer(410, vec![("retry-after", "3")], body)]);
        let request = Request::builder().uri("/api/v1/configmaps?watch=true").body(Vec::new()).unwrap();
        let response = script.client().send(request).await.unwrap();
        assert!(!is_success(&response));
        let status = failure_of(response).await;
        assert!(status.is_expired());
        assert_eq!(status.message, said);
        assert_eq!(status.details.unwrap().retry_after_seconds, Some(3));
    }
}

#[tokio::test(start_paused = true)]
async fn n2_the_server_decides_how_long_a_retry_waits_within_bounds_and_else_waits_double() {
    let script = Script::of([
        overloaded(Some("7")),
        overloaded(Some("3600")),
        overloaded(None),
        overloaded(None),
        answer(200, &object("a", 8)),
    ]);
    // A creation: 429 says that it was not applied, so it is repeated whatever the verb.
    script.client().create(&config_map()).await.unwrap();
    let at: Vec<Instant> = script.seen().iter().map(|seen| seen.at).collect();
    let waits: Vec<Duration> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((7..8).contains(&waits[0].as_secs()), "{waits:?}");
    assert_eq!(waits[1].as_secs(), 30, "an hour is bounded: {waits:?}");
    assert!((800..1000).contains(&waits[2].as_millis()), "third attempt: 200 ms doubled twice: {waits:?}");
    assert!((1600..2000).contains(&waits[3].as_millis()), "{waits:?}");
    let metrics = script.metrics.encode();
    assert!(
        metrics.contains("rest_client_requests_total{code=\"429\",method=\"POST\",host=\"\"} 4"),
        "{metrics}"
    );
    assert!(metrics.contains("rest_client_request_retries_total{code=\"429\",verb=\"POST\",host=\"\"} 4"));
}

#[tokio::test(start_paused = true)]
async fn n2_attempts_are_bounded() {
    let script = Script::of((0..20).map(|_| overloaded(None)));
    let error = script.client().get::<ConfigMap>(&key()).await.unwrap_err();
    assert_eq!((error.reason(), script.seen().len()), ("TooManyRequests", 10));
}

#[tokio::test(start_paused = true)]
async fn n3_a_write_that_may_have_been_applied_is_not_repeated_but_reads_and_applies_are() {
    for failure in [|| status(503, "ServiceUnavailable"), || Step::Refuse] {
        let script = Script::of([failure()]);
        let error = script.client().create(&config_map()).await.unwrap_err();
        assert!(error.is_retryable() && error.may_have_been_applied());
        assert_eq!(script.seen().len(), 1, "create");
        let script = Script::of([failure()]);
        script.client().update(&config_map()).await.unwrap_err();
        assert_eq!(script.seen().len(), 1, "update");
        let script = Script::of([failure()]);
        script.client().delete::<ConfigMap>(&key(), &DeleteOptions::default()).await.unwrap_err();
        assert_eq!(script.seen().len(), 1, "delete");
        let script = Script::of([failure()]);
        let json = Patch::Json(json!([{"op": "add", "path": "/data/-", "value": "x"}]));
        script.client().patch::<ConfigMap>(&key(), &json).await.unwrap_err();
        assert_eq!(script.seen().len(), 1, "JSON patch");
        let script = Script::of([failure(), answer(200, &object("a", 8))]);
        script.client().get::<ConfigMap>(&key()).await.unwrap();
        let script = Script::of([failure(), answer(200, &object("a", 8))]);
        let apply = Patch::apply(&config_map()).unwrap();
        script.client().patch::<ConfigMap>(&key(), &apply).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn watches_are_neither_limited_nor_repeated_and_last_beyond_the_request_timeout() {
    let (feed, watch) = stream();
    let script = Script::of([overloaded(None), watch]);
    let client = script.client_with(ClientOptions::default().with_rate(0.01, 1));
    let watch = || Request::builder().uri("/api/v1/configmaps?watch=true").body(Vec::new()).unwrap();
    assert_eq!(client.send(watch()).await.unwrap().status(), 429);
    let response = timeout(Duration::from_millis(1), client.send(watch())).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert!(feed.is_read() && response.status().is_success());
}

#[tokio::test(start_paused = true)]
async fn n1_requests_through_the_kube_client_share_the_same_bucket() {
    let script = Script::of((0..6).map(|_| answer(200, &object("a", 8))));
    let client = script.client_with(ClientOptions::default().with_rate(1.0, 2));
    let started = Instant::now();
    let api = kube::Api::<ConfigMap>::namespaced(client.kube().clone(), "default");
    for _ in 0..3 {
        api.get("a").await.unwrap();
        client.get::<ConfigMap>(&key()).await.unwrap();
    }
    assert_eq!(started.elapsed().as_secs(), 4, "six requests: two at once, four at one per second");
}

#[tokio::test(start_paused = true)]
async fn keys_that_would_address_something_else_are_refused_before_anything_is_sent() {
    let script = Script::default();
    let client = script.client();
    let merge = Patch::Merge(json!({}));
    let everything = DeleteOptions::default();
    for name in ["", ".", "..", "a/b", "a%2fb"] {
        let key = ObjectKey::new("default", name);
        let mut object = config_map();
        object.metadata.name = Some(name.to_owned());
        // With an empty name, this would be the deletion of the whole collection.
        let delete = client.delete::<ConfigMap>(&key, &everything).await.unwrap_err();
        let get = client.get::<ConfigMap>(&key).await.unwrap_err();
        let patch = client.patch::<ConfigMap>(&key, &merge).await.unwrap_err();
        let update = client.update(&object).await.unwrap_err();
        for error in [delete, get, patch, update] {
            assert_eq!((error.reason(), error.is_retryable()), ("InvalidName", false), "{name:?}: {error}");
        }
    }
    let error = client.get::<ConfigMap>(&ObjectKey::cluster("a")).await.unwrap_err();
    assert_eq!((error.reason(), error.is_not_found()), ("InvalidName", false), "no namespace");
    let error = client.list::<ConfigMap>(Some(""), &ListOptions::default()).await.unwrap_err();
    assert_eq!(error.reason(), "InvalidName");
    assert_eq!(script.seen().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn names_are_escaped_in_paths_and_an_empty_namespace_is_the_default_one() {
    let script = Script::of((0..3).map(|_| answer(200, &object("a", 8))));
    let client = script.client();
    client.get::<Node>(&ObjectKey::cluster("a?dryRun=All#:b")).await.unwrap();
    let mut object = config_map();
    object.metadata.namespace = Some(String::new());
    client.create(&object).await.unwrap();
    client.update(&object).await.unwrap();
    let paths: Vec<_> = script.seen().into_iter().map(|seen| seen.path).collect();
    let expected = [
        "/api/v1/nodes/a%3FdryRun=All%23:b",
        "/api/v1/namespaces/default/configmaps",
        "/api/v1/namespaces/default/configmaps/a",
    ];
    assert_eq!(paths, expected);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_not_answered_in_time_is_not_repeated() {
    let script = Script::of([Step::Hang]);
    let started = Instant::now();
    let error = script.client().get::<ConfigMap>(&key()).await.unwrap_err();
    assert_eq!((error.reason(), script.seen().len()), ("RequestTimeout", 1));
    assert_eq!(started.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_ends_in_a_timeout() {
    let (feed, half) = stream();
    feed.text("{\"metadata\":");
    let script = Script::of([Step::Hang]);
    let started = Instant::now();
    let error = script.client().create(&config_map()).await.unwrap_err();
    assert_eq!((error.reason(), error.may_have_been_applied()), ("RequestTimeout", true));
    assert_eq!(started.elapsed().as_secs(), 60);
    let script = Script::of([half]);
    assert_eq!(script.client().get_json("/api").await.unwrap_err().reason(), "RequestTimeout");
}

#[tokio::test(start_paused = true)]
async fn r10_lists_follow_pages_and_start_over_in_one_page_when_a_token_expires() {
    let script = Script::of([
        list(7, "t", &[object("a", 1)]),
        status(410, "Expired"),
        list(9, "", &[object("a", 1), object("b", 2)]),
    ]);
    let options = ListOptions { page_size: Some(1), ..ListOptions::labels("app in (x,y)") };
    let found = script.client().list::<ConfigMap>(Some("default"), &options).await.unwrap();
    assert_eq!(
        found.iter().map(ObjectExt::key).map(|key| key.name.to_string()).collect::<Vec<_>>(),
        ["a", "b"]
    );
    let seen = script.seen();
    assert_eq!(seen[0].parameter("labelSelector"), Some("app%20in%20%28x%2Cy%29"));
    assert_eq!((seen[0].parameter("limit"), seen[1].parameter("continue")), (Some("1"), Some("t")));
    assert_eq!((seen[2].parameter("limit"), seen[2].parameter("continue")), (None, None));
}

#[test]
fn reasons_of_statuses_are_stable_words() {
    let error = |reason: StatusReason| ClientError::Status {
        action: "x".into(),
        status: Box::new(pilothouse_machinery::Status::failure(reason, "m")),
    };
    assert_eq!(error(StatusReason::Invalid).reason(), "Invalid");
    assert_eq!(error(StatusReason::Other("Teapot".into())).reason(), "ServerError");
}
