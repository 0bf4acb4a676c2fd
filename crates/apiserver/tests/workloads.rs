//! Stateful sets, daemon sets and controller revisions are kept by the rules of their types; nothing here runs them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::*;

const APPS: &str = "/apis/apps/v1/namespaces/default";

fn workload(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {
        "selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}}})
}

#[tokio::test(start_paused = true)]
async fn a_stateful_set_is_completed_scaled_and_otherwise_stays_what_it_is() {
    let server = server();
    let mut set = workload("s");
    set["spec"]["serviceName"] = json!("svc");
    set["spec"]["volumeClaimTemplates"] =
        json!([{"metadata": {"name": "d"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]);
    let made = post(&server, &format!("{APPS}/statefulsets"), set).await.expect(201);
    let spec = &made["spec"];
    assert_eq!(spec["updateStrategy"], json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}));
    assert_eq!((&spec["replicas"], &spec["podManagementPolicy"]), (&json!(1), &json!("OrderedReady")));
    assert_eq!(spec["volumeClaimTemplates"][0]["spec"]["volumeMode"], "Filesystem");
    assert_eq!(made["status"], json!({"replicas": 0, "availableReplicas": 0}));
    let path = format!("{APPS}/statefulsets/s");
    let same = put(&server, &path, made.clone()).await.expect(200);
    assert_eq!(version(&same), version(&made), "a write of what was answered changes nothing");
    let scaled = merge(&server, &format!("{path}/scale"), json!({"spec": {"replicas": 3}})).await.expect(200);
    assert_eq!(scaled["status"]["selector"], "app=s");
    let answer = merge(&server, &path, json!({"spec": {"serviceName": "other"}})).await.expect(422);
    assert_eq!(answer["details"]["causes"][0]["field"], "spec");
    merge(&server, &path, json!({"spec": {"podManagementPolicy": "Sideways"}})).await.expect(422);
    merge(&server, &format!("{path}/status"), json!({"status": {"readyReplicas": 2}})).await.expect(200);
    let stored = get(&server, &path).await.expect(200);
    assert_eq!((&stored["spec"]["replicas"], &stored["metadata"]["generation"]), (&json!(3), &json!(2)));
}

#[tokio::test(start_paused = true)]
async fn a_daemon_set_is_completed_and_keeps_its_selector() {
    let server = server();
    let made = post(&server, &format!("{APPS}/daemonsets"), workload("d")).await.expect(201);
    let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}});
    assert_eq!(made["spec"]["updateStrategy"], strategy);
    assert_eq!(made["status"]["desiredNumberScheduled"], 0);
    let other = json!({"spec": {"selector": {"matchLabels": {"app": "e"}},
        "template": {"metadata": {"labels": {"app": "e"}}}}});
    let answer = merge(&server, &format!("{APPS}/daemonsets/d"), other).await.expect(422);
    assert_eq!(answer["details"]["causes"][0]["field"], "spec.selector");
    get(&server, &format!("{APPS}/daemonsets/d/scale")).await.expect(404);
}

#[tokio::test(start_paused = true)]
async fn the_data_of_a_revision_never_change() {
    let server = server();
    let revisions = format!("{APPS}/controllerrevisions");
    let revision = json!({"metadata": {"name": "r"}, "data": {"spec": {"x": 1}}, "revision": 1});
    post(&server, &revisions, revision).await.expect(201);
    let path = format!("{revisions}/r");
    assert_eq!(merge(&server, &path, json!({"revision": 2})).await.expect(200)["revision"], 2);
    merge(&server, &path, json!({"revision": -1})).await.expect(422);
    let answer = merge(&server, &path, json!({"data": {"spec": {"x": 2}}})).await.expect(422);
    assert_eq!(answer["details"]["causes"][0]["field"], "data");
}

#[tokio::test(start_paused = true)]
async fn tables_have_a_cell_for_each_column() {
    let server = server();
    for plural in ["statefulsets", "daemonsets"] {
        post(&server, &format!("{APPS}/{plural}"), workload("w")).await.expect(201);
    }
    let revision = json!({"metadata": {"name": "w"}, "revision": 1});
    post(&server, &format!("{APPS}/controllerrevisions"), revision).await.expect(201);
    for (plural, cells) in [
        ("statefulsets", json!(["w", "0/1", "0s", "c", "i:1"])),
        ("daemonsets", json!(["w", 0, 0, 0, 0, 0, "<none>", "0s", "c", "i:1", "app=w"])),
        ("controllerrevisions", json!(["w", "<none>", "1", "0s"])),
    ] {
        let accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
        let mut asked = request("GET", &format!("{APPS}/{plural}"), "application/json", "");
        asked.headers_mut().insert("accept", accept.parse().unwrap());
        let table = send(&server, asked).await.expect(200);
        assert_eq!(table["rows"][0]["cells"], cells);
        assert_eq!(table["columnDefinitions"].as_array().unwrap().len(), cells.as_array().unwrap().len());
    }
}
