//! Deletes: finalizers, grace, preconditions, propagation, namespaces.

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::*;

#[tokio::test(start_paused = true)]
async fn an_object_goes_at_once_and_only_once() {
    let server = server();
    let created = post(&server, MAPS, map("a")).await.expect(201);
    let path = format!("{MAPS}/a");
    let gone = delete(&server, &path, json!(null)).await.expect(200);
    let details = json!({"name": "a", "kind": "configmaps", "uid": created["metadata"]["uid"]});
    assert_eq!((&gone["status"], &gone["details"]), (&json!("Success"), &details));
    assert_eq!(delete(&server, &path, json!(null)).await.expect(404)["reason"], "NotFound");
    let mut watch =
        Watch::open(&server, &format!("{MAPS}?watch=1&resourceVersion={}", version(&created))).await;
    let event = watch.next().await.unwrap();
    assert_eq!((&event["type"], &event["object"]["data"]["k"]), (&json!("DELETED"), &json!("1")));
    assert_eq!(version(&event["object"]), version(&created) + 1);
}

#[tokio::test(start_paused = true)]
async fn finalizers_keep_an_object_until_the_last_one_is_gone() {
    let server = server();
    let object = json!({"metadata": {"name": "f", "finalizers": ["ex.com/f"]}});
    let created = post(&server, MAPS, object).await.expect(201);
    let path = format!("{MAPS}/f");
    let terminating = delete(&server, &path, json!(null)).await.expect(200);
    assert_eq!(terminating["metadata"]["deletionTimestamp"], "2026-01-01T00:00:00Z");
    assert_eq!(terminating["metadata"]["deletionGracePeriodSeconds"], 0);
    let again = delete(&server, &path, json!(null)).await.expect(200);
    assert_eq!(version(&again), version(&terminating));
    let exists = post(&server, MAPS, map("f")).await.expect(409);
    assert_eq!(exists["message"], "object is being deleted: configmaps \"f\" already exists");
    let added = json!({"metadata": {"finalizers": ["ex.com/f", "ex.com/g"]}});
    let refused = merge(&server, &path, added).await.expect(422);
    assert!(refused["message"].as_str().unwrap().contains("no new finalizers can be added"));
    let last = merge(&server, &path, json!({"metadata": {"finalizers": []}})).await.expect(200);
    assert_eq!(version(&last), version(&terminating));
    get(&server, &path).await.expect(404);
    let mut watch =
        Watch::open(&server, &format!("{MAPS}?watch=1&resourceVersion={}", version(&created))).await;
    assert_eq!(watch.next().await.unwrap()["type"], "MODIFIED");
    let gone = watch.next().await.unwrap();
    assert_eq!(gone["type"], "DELETED");
    assert_eq!(gone["object"]["metadata"]["finalizers"], json!(["ex.com/f"]));
}

#[tokio::test(start_paused = true)]
async fn preconditions_protect_what_was_recreated_or_changed() {
    let server = server();
    let created = post(&server, MAPS, map("a")).await.expect(201);
    let path = format!("{MAPS}/a");
    let message = async |preconditions: Value| {
        let body = json!({"preconditions": preconditions});
        delete(&server, &path, body).await.expect(409)["message"].as_str().unwrap().to_owned()
    };
    let other = message(json!({"uid": "other"})).await;
    assert!(
        other.contains("the UID in the precondition (other) does not match the UID in record ("),
        "{other}"
    );
    assert!(
        message(json!({"resourceVersion": "1"}))
            .await
            .contains("the ResourceVersion in the precondition (1)")
    );
    let present =
        json!({"uid": created["metadata"]["uid"], "resourceVersion": created["metadata"]["resourceVersion"]});
    delete(&server, &path, json!({"preconditions": present})).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_pod_gets_time_to_end_and_that_can_only_be_shortened() {
    let server = server();
    post(&server, PODS, pod("unscheduled", None)).await.expect(201);
    delete(&server, &format!("{PODS}/unscheduled"), json!(null)).await.expect(200);
    get(&server, &format!("{PODS}/unscheduled")).await.expect(404);
    post(&server, PODS, pod("p", Some("n1"))).await.expect(201);
    let grace = async |query: &str| {
        let pod = delete(&server, &format!("{PODS}/p{query}"), json!(null)).await.expect(200);
        let text = |name: &str| pod["metadata"][name].to_string();
        (text("deletionTimestamp"), text("deletionGracePeriodSeconds"))
    };
    assert_eq!(grace("").await, ("\"2026-01-01T00:00:30Z\"".into(), "30".into()));
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(grace("?gracePeriodSeconds=5").await, ("\"2026-01-01T00:00:05Z\"".into(), "5".into()));
    assert_eq!(grace("?gracePeriodSeconds=60").await.1, "5");
    assert_eq!(grace("").await.1, "5", "without a wish nothing changes");
    grace("?gracePeriodSeconds=0").await;
    get(&server, &format!("{PODS}/p")).await.expect(404);
}

#[tokio::test(start_paused = true)]
async fn the_propagation_policy_leaves_a_finalizer_for_the_garbage_collector() {
    let server = server();
    for (policy, finalizers) in [
        ("Foreground", json!(["foregroundDeletion"])),
        ("Orphan", json!(["orphan"])),
        ("Background", json!(null)),
    ] {
        post(&server, MAPS, map("a")).await.expect(201);
        let path = format!("{MAPS}/a");
        let answer = delete(&server, &path, json!({"propagationPolicy": policy})).await.expect(200);
        assert_eq!(answer["metadata"]["finalizers"], finalizers, "{policy}");
        if !finalizers.is_null() {
            merge(&server, &path, json!({"metadata": {"finalizers": null}})).await.expect(200);
        }
        get(&server, &path).await.expect(404);
    }
    post(&server, MAPS, map("a")).await.expect(201);
    let both = json!({"propagationPolicy": "Orphan", "orphanDependents": true});
    delete(&server, &format!("{MAPS}/a"), both).await.expect(422);
    delete(&server, &format!("{MAPS}/a?propagationPolicy=Sideways"), json!(null)).await.expect(422);
}

#[tokio::test(start_paused = true)]
async fn a_collection_is_deleted_as_selected() {
    let server = server();
    for name in ["a", "b", "c"] {
        post(&server, MAPS, map(name)).await.expect(201);
    }
    let answer = delete(&server, &format!("{MAPS}?labelSelector=name%21%3Db"), json!(null)).await.expect(200);
    assert_eq!(names(&answer), ["a", "c"]);
    assert_eq!(names(&get(&server, MAPS).await.expect(200)), ["b"]);
    delete(&server, "/api/v1/configmaps", json!(null)).await.expect(405);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_takes_nothing_new_while_it_ends_and_goes_when_it_is_finalized() {
    let server = server();
    post(&server, "/api/v1/namespaces", json!({"metadata": {"name": "x"}})).await.expect(201);
    let terminating = delete(&server, "/api/v1/namespaces/x", json!(null)).await.expect(200);
    assert_eq!(terminating["status"]["phase"], "Terminating");
    let refused = post(&server, "/api/v1/namespaces/x/configmaps", map("a")).await.expect(403);
    assert_eq!(refused["details"]["causes"][0]["reason"], "NamespaceTerminating");
    let finalized = json!({"metadata": {"name": "x"}, "spec": {"finalizers": []}});
    put(&server, "/api/v1/namespaces/x/finalize", finalized).await.expect(200);
    get(&server, "/api/v1/namespaces/x").await.expect(404);
    let permanent = delete(&server, "/api/v1/namespaces/default", json!(null)).await.expect(403);
    assert_eq!(
        permanent["message"],
        "namespaces \"default\" is forbidden: this namespace may not be deleted"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pod_is_bound_once_and_evicted() {
    let server = server();
    post(&server, PODS, pod("p", None)).await.expect(201);
    let binding = |node: &str| json!({"metadata": {"name": "p"}, "target": {"kind": "Node", "name": node}});
    let path = format!("{PODS}/p/binding");
    assert_eq!(post(&server, &path, binding("n1")).await.expect(201)["status"], "Success");
    let pod = get(&server, &format!("{PODS}/p")).await.expect(200);
    assert_eq!(
        (&pod["spec"]["nodeName"], &pod["status"]["conditions"][0]["type"]),
        (&json!("n1"), &json!("PodScheduled"))
    );
    let twice = post(&server, &path, binding("n2")).await.expect(409);
    assert!(twice["message"].as_str().unwrap().ends_with("pod p is already assigned to node \"n1\""));
    post(&server, &format!("{PODS}/p/eviction"), json!({"metadata": {"name": "p"}})).await.expect(201);
    let evicted = get(&server, &format!("{PODS}/p")).await.expect(200);
    assert_eq!(evicted["metadata"]["deletionGracePeriodSeconds"], 30);
}
