//! Server-side apply and the record of who wrote what.

mod support;

use serde_json::{Value, json};
use support::*;

const APPLY: &str = "application/apply-patch+yaml";

fn configuration(data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data})
}

#[tokio::test(start_paused = true)]
async fn an_apply_creates_changes_and_is_no_write_when_nothing_changes() {
    let server = server();
    let apply = async |data: Value| {
        let path = format!("{MAPS}/a?fieldManager=m1");
        send(&server, request("PATCH", &path, APPLY, configuration(&data).to_string())).await
    };
    let created = apply(json!({"k": "1", "l": "2"})).await.expect(201);
    let entry = &created["metadata"]["managedFields"][0];
    assert_eq!((&entry["manager"], &entry["operation"]), (&json!("m1"), &json!("Apply")));
    assert_eq!(entry["fieldsV1"], json!({"f:data": {"f:k": {}, "f:l": {}}}));
    let same = apply(json!({"k": "1", "l": "2"})).await.expect(200);
    assert_eq!(version(&same), version(&created));
    let smaller = apply(json!({"k": "3"})).await.expect(200);
    assert_eq!(smaller["data"], json!({"k": "3"}));
}

#[tokio::test(start_paused = true)]
async fn a_field_of_another_manager_is_a_conflict_unless_it_is_forced() {
    let server = server();
    let apply = async |query: &str, value: &str| {
        let body = configuration(&json!({"k": value})).to_string();
        send(&server, request("PATCH", &format!("{MAPS}/a?{query}"), APPLY, body)).await
    };
    apply("fieldManager=m1", "1").await.expect(201);
    let conflict = apply("fieldManager=m2", "2").await.expect(409);
    assert_eq!(conflict["message"], "Apply failed with 1 conflict: conflict with \"m1\": .data.k");
    assert_eq!(conflict["details"]["causes"][0]["reason"], "FieldManagerConflict");
    assert_eq!(apply("fieldManager=m2&force=true", "2").await.expect(200)["data"]["k"], "2");
    merge(&server, &format!("{MAPS}/a"), json!({"data": {"k": "3"}})).await.expect(200);
    let conflict = apply("fieldManager=m2", "4").await.expect(409);
    assert!(conflict["message"].as_str().unwrap().contains("conflict with \"tests\" using v1"), "{conflict}");
}

#[tokio::test(start_paused = true)]
async fn an_apply_says_who_it_is_and_what_it_is_about() {
    let server = server();
    let path = format!("{MAPS}/a?fieldManager=m1");
    let refused = async |path: &str, body: &str| {
        let answer = send(&server, request("PATCH", path, APPLY, body.to_owned())).await;
        (answer.code, answer.body["message"].as_str().unwrap().to_owned())
    };
    let fine = configuration(&json!({})).to_string();
    let (code, message) = refused(&format!("{MAPS}/a"), &fine).await;
    assert_eq!(
        (code, message.ends_with("fieldManager: Required value: is required for apply patch")),
        (422, true)
    );
    let (code, message) = refused(&path, r#"{"apiVersion": "v2", "kind": "ConfigMap"}"#).await;
    assert_eq!(code, 400);
    assert_eq!(
        message,
        "Incorrect version specified in apply patch. Specified patch version: v2, expected: v1"
    );
    let managed = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"managedFields": [{}]}}"#;
    assert_eq!(refused(&path, managed).await, (400, "metadata.managedFields must be nil".into()));
    let named = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}}"#;
    assert_eq!(refused(&path, named).await.0, 400);
    assert_eq!(refused(&path, "{not yaml: [").await.0, 400);
    let forced =
        send(&server, request("PATCH", &format!("{MAPS}/a?force=true"), MERGE, "{}")).await.expect(422);
    assert!(forced["message"].as_str().unwrap().contains("may not be specified for non-apply patch"));
}

#[tokio::test(start_paused = true)]
async fn each_writer_owns_what_it_wrote_through_its_door() {
    let server = server();
    post(&server, &format!("{PODS}?fieldManager=creator"), pod("p", None)).await.expect(201);
    let path = format!("{PODS}/p/status?fieldManager=kubelet");
    let pod = merge(&server, &path, json!({"status": {"phase": "Running"}})).await.expect(200);
    let entries = pod["metadata"]["managedFields"].as_array().unwrap();
    let owner = |entry: &Value| format!("{} {}", entry["manager"], entry["subresource"]);
    assert_eq!(entries.iter().map(owner).collect::<Vec<_>>(), ["\"creator\" null", "\"kubelet\" \"status\""]);
    assert_eq!(entries[1]["fieldsV1"], json!({"f:status": {"f:phase": {}}}));
}
