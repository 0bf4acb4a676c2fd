//! Custom resource definitions: what they bring into being, change and take away.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use http_body_util::BodyExt;
use pilothouse_apiserver::ApiServer;
use serde_json::{Value, json};
use support::{delete, get, merge, post, put, request, send, server};
use tower::ServiceExt;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const DEFINITION: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com";
const WIDGETS: &str = "/apis/example.com/v1/namespaces/default/widgets";

fn definition(plural: &str, kind: &str) -> Value {
    let spec = json!({"type": "object", "required": ["size"], "properties": {
        "size": {"type": "integer", "minimum": 1}, "color": {"type": "string", "default": "red"}}});
    json!({
        "metadata": {"name": format!("{plural}.example.com")},
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": plural, "kind": kind},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "selectableFields": [{"jsonPath": ".spec.color"}],
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": spec, "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}
            }]
        }
    })
}

fn widget(name: &str, size: i64) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": {"size": size}})
}

async fn with_widgets() -> ApiServer {
    let server = server();
    post(&server, DEFINITIONS, definition("widgets", "Widget")).await.expect(201);
    server
}

fn condition(definition: &Value, kind: &str) -> (String, String) {
    let conditions = definition["status"]["conditions"].as_array().unwrap();
    let found = conditions.iter().find(|condition| condition["type"] == kind).unwrap();
    let text = |name: &str| found[name].as_str().unwrap().to_owned();
    (text("status"), text("reason"))
}

#[tokio::test(start_paused = true)]
async fn a_definition_is_established_and_its_type_served_with_the_answer() {
    let server = with_widgets().await;
    let stored = get(&server, DEFINITION).await.expect(200);
    assert_eq!(condition(&stored, "Established"), ("True".into(), "InitialNamesAccepted".into()));
    assert_eq!(stored["status"]["acceptedNames"]["listKind"], "WidgetList");
    assert_eq!(stored["status"]["storedVersions"], json!(["v1"]));
    let resources = get(&server, "/apis/example.com/v1").await.expect(200);
    assert_eq!(resources["resources"][0]["name"], "widgets");
    let made = post(&server, WIDGETS, widget("w", 1)).await.expect(201);
    assert_eq!((&made["spec"]["color"], &made["metadata"]["generation"]), (&json!("red"), &json!(1)));
}

#[tokio::test(start_paused = true)]
async fn a_type_whose_name_is_taken_is_not_served() {
    let server = with_widgets().await;
    post(&server, DEFINITIONS, definition("gadgets", "Widget")).await.expect(201);
    let stored = get(&server, &DEFINITION.replace("widgets", "gadgets")).await.expect(200);
    assert_eq!(condition(&stored, "NamesAccepted"), ("False".into(), "ListKindConflict".into()));
    assert_eq!(condition(&stored, "Established"), ("False".into(), "NotAccepted".into()));
    get(&server, &WIDGETS.replace("widgets", "gadgets")).await.expect(404);
    delete(&server, &DEFINITION.replace("widgets", "gadgets"), Value::Null).await.expect(200);
    get(&server, WIDGETS).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn deleting_a_definition_deletes_its_objects_and_ends_its_watches() {
    let server = with_widgets().await;
    post(&server, WIDGETS, widget("w", 1)).await.expect(201);
    let watch = request("GET", &format!("{WIDGETS}?watch=1"), "application/json", "");
    let mut watch = server.clone().oneshot(watch).await.unwrap().into_body();
    delete(&server, DEFINITION, Value::Null).await.expect(200);
    let mut events = Vec::new();
    while let Some(frame) = watch.frame().await {
        let frame = frame.unwrap().into_data().unwrap();
        for line in frame.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            events.push(serde_json::from_slice::<Value>(line).unwrap()["type"].clone());
        }
    }
    assert_eq!(events, ["ADDED", "DELETED"]);
    get(&server, WIDGETS).await.expect(404);
    get(&server, "/apis/example.com").await.expect(404);
    post(&server, DEFINITIONS, definition("widgets", "Widget")).await.expect(201);
    let listed = get(&server, WIDGETS).await.expect(200);
    assert_eq!(listed["items"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_changed_schema_holds_for_the_next_request_and_spares_what_did_not_change() {
    let server = with_widgets().await;
    let made = post(&server, WIDGETS, widget("w", 1)).await.expect(201);
    let mut changed = get(&server, DEFINITION).await.expect(200);
    changed["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["size"]
        ["minimum"] = json!(2);
    put(&server, DEFINITION, changed).await.expect(200);
    post(&server, WIDGETS, widget("x", 1)).await.expect(422);
    let path = format!("{WIDGETS}/w");
    let patched = merge(&server, &path, json!({"spec": {"color": "blue"}})).await.expect(200);
    assert_eq!(
        (&patched["spec"]["size"], &patched["metadata"]["uid"]),
        (&json!(1), &made["metadata"]["uid"])
    );
    merge(&server, &path, json!({"spec": {"size": 0}})).await.expect(422);
}

#[tokio::test(start_paused = true)]
async fn selectable_fields_select() {
    let server = with_widgets().await;
    post(&server, WIDGETS, widget("w", 1)).await.expect(201);
    let count = async |selector: &str| {
        let listed = get(&server, &format!("{WIDGETS}?fieldSelector={selector}")).await.expect(200);
        listed["items"].as_array().unwrap().len()
    };
    assert_eq!((count("spec.color%3Dred").await, count("spec.color%3Dblue").await), (1, 0));
    get(&server, &format!("{WIDGETS}?fieldSelector=spec.size%3D1")).await.expect(400);
}

#[tokio::test(start_paused = true)]
async fn what_a_definition_is_about_never_changes() {
    let server = with_widgets().await;
    let answer = merge(&server, DEFINITION, json!({"spec": {"scope": "Cluster"}})).await.expect(422);
    assert_eq!(answer["details"]["causes"][0]["field"], "spec.scope");
}

#[tokio::test(start_paused = true)]
async fn a_definition_waits_for_objects_that_their_finalizers_keep() {
    let server = with_widgets().await;
    post(&server, WIDGETS, widget("free", 1)).await.expect(201);
    let mut kept = widget("kept", 1);
    kept["metadata"]["finalizers"] = json!(["example.com/hold"]);
    post(&server, WIDGETS, kept).await.expect(201);
    let mut watch = support::Watch::open(&server, &format!("{WIDGETS}?watch=1")).await;
    assert_eq!(watch.ready().await, ["ADDED free", "ADDED kept"]);

    let going = delete(&server, DEFINITION, Value::Null).await.expect(200);
    assert!(going["metadata"]["deletionTimestamp"].is_string(), "{going}");
    assert_eq!(watch.ready().await, ["DELETED free", "MODIFIED kept"]);
    let stored = get(&server, DEFINITION).await.expect(200);
    assert_eq!(condition(&stored, "Terminating"), ("True".into(), "InstanceDeletionInProgress".into()));
    assert_eq!(stored["metadata"]["finalizers"], json!(["customresourcecleanup.apiextensions.k8s.io"]));
    let kept = get(&server, &format!("{WIDGETS}/kept")).await.expect(200);
    assert!(kept["metadata"]["deletionTimestamp"].is_string(), "{kept}");
    let refused = post(&server, WIDGETS, widget("new", 1)).await.expect(405);
    assert_eq!(refused["message"], "create not allowed while custom resource definition is terminating");
    delete(&server, DEFINITION, Value::Null).await.expect(200);
    get(&server, &format!("{WIDGETS}/kept")).await.expect(200);

    merge(&server, &format!("{WIDGETS}/kept"), json!({"metadata": {"finalizers": null}})).await.expect(200);
    assert_eq!(watch.ready().await, ["DELETED kept"]);
    assert_eq!(watch.next().await, None, "the watch ends with the type");
    get(&server, DEFINITION).await.expect(404);
    get(&server, WIDGETS).await.expect(404);
}

#[tokio::test(start_paused = true)]
async fn a_definition_never_takes_the_place_of_a_built_in_type() {
    let server = server();
    let leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    post(&server, leases, json!({"metadata": {"name": "l"}})).await.expect(201);
    let mut taking = definition("leases", "Widget");
    taking["metadata"]["name"] = json!("leases.coordination.k8s.io");
    taking["spec"]["group"] = json!("coordination.k8s.io");
    post(&server, DEFINITIONS, taking).await.expect(201);
    let path = format!("{DEFINITIONS}/leases.coordination.k8s.io");
    let stored = get(&server, &path).await.expect(200);
    assert_eq!(condition(&stored, "Established").0, "False");
    delete(&server, &path, Value::Null).await.expect(200);
    get(&server, &path).await.expect(404);
    assert_eq!(get(&server, &format!("{leases}/l")).await.expect(200)["kind"], "Lease");
}

#[tokio::test]
async fn an_apply_to_the_status_of_a_custom_object_is_recorded_as_its_managers() {
    let server = with_widgets().await;
    let made = post(&server, WIDGETS, widget("w", 1)).await.expect(201);
    let status = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "labels": {"a": "b"}},
        "status": {"phase": "Up"}});
    let path = format!("{WIDGETS}/w/status?fieldManager=operator");
    let applied = request("PATCH", &path, "application/apply-patch+yaml", status.to_string());
    let applied = send(&server, applied).await.expect(200);
    assert_eq!((&applied["status"]["phase"], &applied["spec"]), (&json!("Up"), &made["spec"]));
    assert_eq!(applied["metadata"].get("labels"), None, "a status write leaves metadata alone");
    let entries = applied["metadata"]["managedFields"].as_array().unwrap();
    let found = entries.iter().find(|entry| entry["manager"] == "operator").expect("an entry of the manager");
    assert_eq!((&found["operation"], &found["subresource"]), (&json!("Apply"), &json!("status")));
    assert_eq!(found["fieldsV1"], json!({"f:status": {"f:phase": {}}}));
    // What it no longer says goes.
    let nothing = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}});
    let applied = request("PATCH", &path, "application/apply-patch+yaml", nothing.to_string());
    let phase = send(&server, applied).await.expect(200)["status"].get("phase").cloned();
    assert_eq!(phase, None);
}
