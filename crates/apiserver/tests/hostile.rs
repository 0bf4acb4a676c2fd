//! Requests that mean harm, or are badly mistaken: each gets an answer, soon, and the server lives on.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};
use support::*;

const FREE: &str = "/apis/example.com/v1/namespaces/default/frees";

/// A server with a type whose specification may be anything and whose `set` is a set.
async fn with_frees() -> pilothouse_apiserver::ApiServer {
    let server = server();
    let spec = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let set = json!({"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "integer"}});
    let schema = json!({"type": "object", "properties": {"spec": spec, "set": set}});
    let definition = json!({
        "metadata": {"name": "frees.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": "frees", "kind": "Free"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]
        }
    });
    post(&server, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition).await.expect(201);
    server
}

fn free(name: &str, members: &str) -> String {
    format!(
        "{{\"apiVersion\":\"example.com/v1\",\"kind\":\"Free\",\"metadata\":{{\"name\":\"{name}\"}},{members}}}"
    )
}

fn nested(depth: usize) -> String {
    format!("\"spec\":{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth))
}

#[tokio::test(start_paused = true)]
async fn objects_nested_too_deep_are_refused_before_they_are_stored() {
    let server = with_frees().await;
    for depth in [10, 60, 95, 100, 110, 115, 118, 120, 122, 124, 126, 130, 1000, 100_000] {
        for (media, name) in [("application/json", "j"), ("application/yaml", "y")] {
            let body = free(&format!("{name}{depth}"), &nested(depth));
            let answer = send(&server, request("POST", FREE, media, body)).await;
            assert!(answer.code == 201 || answer.code == 400, "{depth} {media}: {}", answer.code);
            assert!(depth > 60 || answer.code == 201, "{depth} {media}: {}", answer.body);
        }
        let path = format!("{FREE}/a{depth}?fieldManager=m&force=true");
        let body = free(&format!("a{depth}"), &nested(depth));
        let answer = send(&server, request("PATCH", &path, "application/apply-patch+yaml", body)).await;
        assert!(answer.code == 201 || answer.code == 400, "{depth} apply: {}", answer.code);
    }
    post(&server, FREE, serde_json::from_str(&free("m", "\"spec\":{}")).unwrap()).await.expect(201);
    for depth in [90, 110, 118, 122, 126] {
        let body = format!("{{{}}}", nested(depth));
        let answer = send(&server, request("PATCH", &format!("{FREE}/m"), MERGE, body)).await;
        assert!(matches!(answer.code, 200 | 400 | 422), "{depth} merge: {}", answer.code);
    }
    // What was stored can be read again, in every form.
    let listed = get(&server, FREE).await.expect(200);
    for name in names(&listed) {
        merge(&server, &format!("{FREE}/{name}"), json!({"metadata": {"labels": {"a": "b"}}}))
            .await
            .expect(200);
        delete(&server, &format!("{FREE}/{name}"), Value::Null).await.expect(200);
    }
}

#[tokio::test(start_paused = true)]
async fn aliases_that_multiply_are_refused() {
    let server = with_frees().await;
    let mut body = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        body = format!("{body}a{level}: &a{level} [{}]\n", vec![alias; 10].join(", "));
    }
    let answer = send(&server, request("POST", FREE, "application/yaml", body)).await;
    assert_eq!(answer.code, 400, "{}", answer.body);
}

#[tokio::test(start_paused = true)]
async fn a_watch_may_ask_for_any_timeout() {
    let server = server();
    post(&server, MAPS, map("a")).await.expect(201);
    let query = format!("{MAPS}?watch=1&allowWatchBookmarks=1&timeoutSeconds={}", i64::MAX);
    let mut watch = Watch::open(&server, &query).await;
    assert_eq!(watch.ready().await, ["ADDED a"]);
}

#[expect(clippy::disallowed_methods, reason = "real work is measured, which a paused clock does not see")]
#[tokio::test(start_paused = true)]
async fn a_long_set_is_searched_for_duplicates_in_reasonable_time() {
    let server = with_frees().await;
    let begun = Instant::now();
    let mut items: Vec<usize> = (0..60_000).collect();
    let set = |items: &[usize]| free("long", &format!("\"set\":{}", json!(items)));
    items.push(7);
    let refused = send(&server, request("POST", FREE, "application/json", set(&items))).await.expect(422);
    assert_eq!(refused["details"]["causes"][0]["message"], "Duplicate value: 7");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn metadata_of_custom_resources_have_the_types_of_metadata() {
    let server = with_frees().await;
    for (metadata, code) in [
        (json!({"name": "x", "labels": {"a": 1}}), 400),
        (json!({"name": "x", "labels": "a"}), 400),
        (json!({"name": "x", "finalizers": "a/b"}), 400),
        (json!({"name": "x", "ownerReferences": [1]}), 400),
        (json!({"name": "x", "bogus": 1, "labels": null}), 201),
    ] {
        let body = json!({"apiVersion": "example.com/v1", "kind": "Free", "metadata": metadata});
        let answer = post(&server, FREE, body).await;
        assert_eq!(answer.code, code, "{metadata}: {}", answer.body);
    }
    let stored = get(&server, &format!("{FREE}/x")).await.expect(200);
    assert_eq!(stored["metadata"].get("bogus"), None);
    let wrong = merge(&server, &format!("{FREE}/x"), json!({"metadata": {"labels": {"a": 1}}})).await;
    assert_eq!(wrong.code, 422, "{}", wrong.body);
}

#[tokio::test(start_paused = true)]
async fn only_reading_goes_through_the_old_watch_paths_and_namespaces_go_one_by_one() {
    let server = server();
    post(&server, MAPS, map("a")).await.expect(201);
    let old = "/api/v1/watch/namespaces/default/configmaps";
    delete(&server, old, Value::Null).await.expect(405);
    delete(&server, &format!("{old}/a"), Value::Null).await.expect(405);
    post(&server, old, map("b")).await.expect(405);
    delete(&server, "/api/v1/namespaces?labelSelector=x", Value::Null).await.expect(405);
    assert_eq!(names(&get(&server, MAPS).await.expect(200)), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_token_from_another_life_of_the_server_is_too_old_and_harms_nobody() {
    let server = server();
    let mut last = 0;
    for name in ["a", "b", "c"] {
        last = version(&post(&server, MAPS, map(name)).await.expect(201));
    }
    let token = json!({"v": "meta.k8s.io/v1", "rv": last + 2, "start": "a\u{0}"}).to_string();
    let token = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(token);
    let answer = get(&server, &format!("{MAPS}?limit=1&continue={token}")).await.expect(410);
    assert_eq!(answer["reason"], "Expired");
    for name in ["d", "e", "f"] {
        post(&server, MAPS, map(name)).await.expect(201);
    }
    let exact = format!("{MAPS}?resourceVersion={}&resourceVersionMatch=Exact", last + 2);
    assert_eq!(names(&get(&server, &exact).await.expect(200)), ["a", "b", "c", "d", "e"]);
}
