//! Creates, updates, patches.

mod support;

use serde_json::{Value, json};
use support::*;

#[tokio::test(start_paused = true)]
async fn a_create_fills_what_the_server_owns_and_refuses_what_it_cannot_take() {
    let server = server();
    let mut object = map("a");
    object["metadata"]["uid"] = "mine".into();
    object["metadata"]["creationTimestamp"] = "2000-01-01T00:00:00Z".into();
    let created = post(&server, MAPS, object).await.expect(201);
    assert_eq!(created["metadata"]["creationTimestamp"], "2026-01-01T00:00:00Z");
    assert_eq!(created["metadata"]["uid"].as_str().unwrap().len(), 36);
    let twice = post(&server, MAPS, map("a")).await.expect(409);
    assert_eq!(
        (&twice["reason"], &twice["message"]),
        (&json!("AlreadyExists"), &json!("configmaps \"a\" already exists"))
    );
    let refused = async |object: Value, code: u16| {
        post(&server, MAPS, object).await.expect(code)["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        refused(json!({"metadata": {}}), 422).await,
        "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required"
    );
    assert!(refused(map("Bad_Name"), 422).await.contains("a lowercase RFC 1123 subdomain must consist"));
    assert!(
        refused(json!({"kind": "Secret", "metadata": {"name": "x"}}), 400)
            .await
            .contains("cannot be handled as a")
    );
    let elsewhere = json!({"metadata": {"name": "x", "namespace": "other"}});
    assert!(refused(elsewhere, 400).await.starts_with("the namespace of the provided object does not match"));
    let nowhere = post(&server, "/api/v1/namespaces/nowhere/configmaps", map("a")).await.expect(404);
    assert_eq!(nowhere["message"], "namespaces \"nowhere\" not found");
}

#[tokio::test(start_paused = true)]
async fn generated_names_have_five_characters_and_repeat_with_the_seed() {
    let generated = async || {
        let server = server();
        let object = json!({"metadata": {"generateName": "run-"}});
        let one = post(&server, MAPS, object.clone()).await.expect(201);
        let two = post(&server, MAPS, object).await.expect(201);
        [one, two].map(|object| object["metadata"]["name"].as_str().unwrap().to_owned())
    };
    let [one, two] = generated().await;
    assert!(one.len() == 9 && one.starts_with("run-") && one != two);
    assert_eq!(generated().await, [one, two]);
}

#[tokio::test(start_paused = true)]
async fn an_update_needs_the_present_version_where_it_names_one() {
    let server = server();
    let path = format!("{MAPS}/a");
    let old = post(&server, MAPS, map("a")).await.expect(201);
    let mut new = old.clone();
    new["data"]["k"] = "2".into();
    let updated = put(&server, &path, new.clone()).await.expect(200);
    assert!(version(&updated) > version(&old));
    let conflict = put(&server, &path, new.clone()).await.expect(409);
    assert_eq!(
        conflict["message"],
        "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes \
         to the latest version and try again"
    );
    new["metadata"]["resourceVersion"] = Value::Null;
    put(&server, &path, new.clone()).await.expect(200);
    new["metadata"]["name"] = "b".into();
    put(&server, &path, new.clone()).await.expect(400);
    put(&server, &format!("{MAPS}/b"), new).await.expect(404);
    let other = json!({"metadata": {"name": "a", "uid": "00000000-1111-2222-3333-444444444444"}});
    assert!(
        put(&server, &path, other).await.expect(409)["message"]
            .as_str()
            .unwrap()
            .contains("Precondition failed")
    );
}

#[tokio::test(start_paused = true)]
async fn leases_are_created_by_an_update_and_never_updated_without_a_version() {
    let server = server();
    let path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l";
    let lease =
        json!({"metadata": {"name": "l"}, "spec": {"holderIdentity": "a", "leaseDurationSeconds": 15}});
    put(&server, path, lease.clone()).await.expect(201);
    let refused = put(&server, path, lease).await.expect(422);
    assert_eq!(
        refused["message"],
        "leases.coordination.k8s.io \"l\" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be \
         specified for an update"
    );
}

#[tokio::test(start_paused = true)]
async fn a_lease_may_be_without_a_holder_and_names_a_preferred_one_only_with_a_strategy() {
    let server = server();
    let path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l";
    let lease = json!({"metadata": {"name": "l"}, "spec": {"holderIdentity": "", "leaseDurationSeconds": 1}});
    put(&server, path, lease).await.expect(201);
    let spec = json!({"preferredHolder": "b"});
    let refused = merge(&server, path, json!({"spec": spec})).await.expect(422);
    assert_eq!(
        refused["message"],
        "Lease.coordination.k8s.io \"l\" is invalid: spec.preferredHolder: Forbidden: may only be specified if \
         `strategy` is defined"
    );
    let spec = json!({"preferredHolder": "b", "strategy": "OldestEmulationVersion"});
    merge(&server, path, json!({"spec": spec})).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_changes_nothing_is_no_write() {
    let server = server();
    let path = format!("{MAPS}/a");
    let created = post(&server, MAPS, map("a")).await.expect(201);
    let before = server.current_resource_version();
    put(&server, &path, map("a")).await.expect(200);
    put(&server, &path, created.clone()).await.expect(200);
    merge(&server, &path, json!({"data": {"k": "1"}})).await.expect(200);
    let same = merge(&server, &path, json!({})).await.expect(200);
    assert_eq!((version(&same), server.current_resource_version()), (version(&created), before));
}

#[tokio::test(start_paused = true)]
async fn patches_of_each_kind_apply_and_failures_leave_the_object_alone() {
    let server = server();
    let path = "/apis/apps/v1/namespaces/default/deployments/d";
    let labels = json!({"matchLabels": {"a": "b"}});
    let containers = json!([{"name": "c1", "image": "i:1"}]);
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": containers}});
    let object = json!({"metadata": {"name": "d"}, "spec": {"selector": labels, "template": template}});
    post(&server, "/apis/apps/v1/namespaces/default/deployments", object).await.expect(201);
    let patch = async |kind: &str, body: Value| {
        send(&server, request("PATCH", path, &format!("application/{kind}"), body.to_string())).await
    };
    let added = json!({"spec": {"template": {"spec": {"containers": [{"name": "c2", "image": "i:2"}]}}}});
    let patched = patch("strategic-merge-patch+json", added).await.expect(200);
    assert_eq!(patched["spec"]["template"]["spec"]["containers"].as_array().unwrap().len(), 2);
    assert_eq!(patched["metadata"]["generation"], 2);
    let operations = json!([{"op": "test", "path": "/spec/replicas", "value": 1}, {"op": "replace", "path": "/spec/replicas", "value": 4}]);
    let patched = patch("json-patch+json", operations.clone()).await.expect(200);
    assert_eq!(patched["spec"]["replicas"], 4);
    let failed = patch("json-patch+json", operations).await.expect(422);
    assert_eq!(failed["message"], "the server rejected our request due to an error in our request");
    let typed = patch("merge-patch+json", json!({"spec": {"replicas": "many"}})).await.expect(422);
    assert!(typed["message"].as_str().unwrap().contains("spec.replicas of type int32"));
    patch("merge-patch+json", json!({"metadata": {"uid": "x"}})).await.expect(422);
    patch("merge-patch+json", json!({"metadata": {"resourceVersion": "1"}})).await.expect(409);
    patch("foo", json!({})).await.expect(415);
    assert_eq!(version(&get(&server, path).await.expect(200)), version(&patched));
}

#[tokio::test(start_paused = true)]
async fn the_status_and_the_specification_are_written_through_their_own_doors() {
    let server = server();
    let mut object = pod("p", None);
    object["status"] = json!({"phase": "Running"});
    assert_eq!(post(&server, PODS, object).await.expect(201)["status"]["phase"], "Pending");
    let path = format!("{PODS}/p");
    let both = json!({"status": {"phase": "Running"}, "spec": {"nodeName": "elsewhere"}});
    let written = merge(&server, &format!("{path}/status"), both).await.expect(200);
    assert_eq!(
        (&written["status"]["phase"], &written["spec"]["nodeName"]),
        (&json!("Running"), &Value::Null)
    );
    let kept = merge(&server, &path, json!({"status": {"phase": "Failed"}})).await.expect(200);
    assert_eq!((&kept["status"]["phase"], version(&kept)), (&json!("Running"), version(&written)));
    get(&server, &format!("{MAPS}/x/status")).await.expect(404);
}

#[tokio::test(start_paused = true)]
async fn the_generation_counts_changes_of_the_specification_only() {
    let server = server();
    let jobs = "/apis/batch/v1/namespaces/default/jobs";
    let template = json!({"spec": {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Never"}});
    let job = json!({"metadata": {"name": "j"}, "spec": {"template": template}});
    assert_eq!(post(&server, jobs, job).await.expect(201)["metadata"]["generation"], 1);
    let path = format!("{jobs}/j");
    let generation = async |path: &str, patch: Value| {
        merge(&server, path, patch).await.expect(200)["metadata"]["generation"].as_i64().unwrap()
    };
    assert_eq!(generation(&path, json!({"metadata": {"labels": {"a": "b"}}})).await, 1);
    assert_eq!(generation(&path, json!({"spec": {"parallelism": 2}})).await, 2);
    let started = json!({"status": {"startTime": "2026-01-01T00:00:00Z"}});
    assert_eq!(generation(&format!("{path}/status"), started).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_answers_what_would_be_and_keeps_nothing() {
    let server = server();
    let dry = post(&server, &format!("{MAPS}?dryRun=All"), map("a")).await.expect(201);
    assert!(dry["metadata"].get("resourceVersion").is_none());
    get(&server, &format!("{MAPS}/a")).await.expect(404);
    post(&server, MAPS, map("a")).await.expect(201);
    let before = server.current_resource_version();
    let path = format!("{MAPS}/a?dryRun=All");
    assert_eq!(merge(&server, &path, json!({"data": {"k": "9"}})).await.expect(200)["data"]["k"], "9");
    delete(&server, &path, json!(null)).await.expect(200);
    assert_eq!(server.current_resource_version(), before);
    post(&server, &format!("{MAPS}?dryRun=Some"), map("b")).await.expect(422);
}

#[tokio::test(start_paused = true)]
async fn unknown_and_duplicate_fields_warn_or_refuse_as_asked() {
    let server = server();
    let body = r#"{"metadata": {"name": "a", "name": "a"}, "dat": {}}"#;
    let sent = async |query: &str| {
        let path = format!("{MAPS}?dryRun=All{query}");
        send(&server, request("POST", &path, "application/json", body)).await
    };
    let warned = sent("").await;
    let warnings: Vec<_> =
        warned.headers.get_all("warning").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(
        warnings,
        [r#"299 - "unknown field \"dat\"""#, r#"299 - "duplicate field \"metadata.name\"""#]
    );
    assert!(warned.expect(201).get("dat").is_none());
    assert!(sent("&fieldValidation=Ignore").await.headers.get("warning").is_none());
    let refused = sent("&fieldValidation=Strict").await.expect(400);
    assert_eq!(
        refused["message"],
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"dat\", \
         duplicate field \"metadata.name\""
    );
}

#[tokio::test(start_paused = true)]
async fn bodies_are_read_as_yaml_and_protobuf_and_bounded_in_size() {
    let server = builder().body_limit(2000).build();
    let yaml = "metadata: {name: yy}\ndata: {a: b}\n";
    let sent = send(&server, request("POST", MAPS, "application/yaml", yaml)).await.expect(201);
    assert_eq!(sent["data"]["a"], "b");
    let kind = pilothouse_machinery::GroupVersionKind::new("", "v1", "ConfigMap");
    let bytes = pilothouse_machinery::protobuf::encode(&kind, &map("p")).unwrap();
    let sent =
        send(&server, request("POST", MAPS, "application/vnd.kubernetes.protobuf", bytes)).await.expect(201);
    assert_eq!((&sent["metadata"]["name"], &sent["data"]["k"]), (&json!("p"), &json!("1")));
    send(&server, request("POST", MAPS, "text/plain", "x")).await.expect(415);
    send(&server, request("POST", MAPS, "application/json", "{bad")).await.expect(400);
    let large = json!({"metadata": {"name": "l"}, "data": {"k": "x".repeat(2000)}});
    let refused = post(&server, MAPS, large).await.expect(413);
    assert_eq!(refused["reason"], "RequestEntityTooLarge");
}

#[tokio::test(start_paused = true)]
async fn scale_shows_and_sets_the_replicas_of_its_parent() {
    let server = server();
    let template =
        json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let spec = json!({"replicas": 2, "selector": {"matchLabels": {"a": "b"}}, "template": template});
    let object = json!({"metadata": {"name": "d"}, "spec": spec});
    let created = post(&server, "/apis/apps/v1/namespaces/default/deployments", object).await.expect(201);
    let path = "/apis/apps/v1/namespaces/default/deployments/d/scale";
    let scale = get(&server, path).await.expect(200);
    assert_eq!((&scale["kind"], &scale["spec"]["replicas"]), (&json!("Scale"), &json!(2)));
    assert_eq!((&scale["status"]["selector"], version(&scale)), (&json!("a=b"), version(&created)));
    assert_eq!(
        merge(&server, path, json!({"spec": {"replicas": 5}})).await.expect(200)["spec"]["replicas"],
        5
    );
    put(&server, path, scale).await.expect(409);
    merge(&server, path, json!({"spec": {"replicas": -1}})).await.expect(422);
    let parent = get(&server, "/apis/apps/v1/namespaces/default/deployments/d").await.expect(200);
    assert_eq!((&parent["spec"]["replicas"], &parent["metadata"]["generation"]), (&json!(5), &json!(2)));
    get(&server, &format!("{MAPS}/a/scale")).await.expect(404);
}

#[tokio::test(start_paused = true)]
async fn an_access_review_is_answered_and_not_kept() {
    let server = server();
    let before = server.current_resource_version();
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let asked = json!({"spec": {"resourceAttributes": {"verb": "list", "resource": "pods"}}});
    let review = post(&server, path, asked).await.expect(201);
    assert_eq!(
        (&review["kind"], &review["status"]["allowed"]),
        (&json!("SelfSubjectAccessReview"), &json!(true))
    );
    assert!(review["metadata"].get("uid").is_none());
    post(&server, path, json!({"spec": {}})).await.expect(422);
    get(&server, path).await.expect(405);
    assert_eq!(server.current_resource_version(), before);
}

#[tokio::test(start_paused = true)]
async fn scale_takes_whole_numbers_only() {
    let server = server();
    let container = json!({"name": "c", "image": "i:1"});
    let deployment = json!({"metadata": {"name": "d"}, "spec": {
        "replicas": 2, "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}}});
    let path = "/apis/apps/v1/namespaces/default/deployments";
    post(&server, path, deployment).await.expect(201);
    let scale = format!("{path}/d/scale");
    for wrong in [json!("3"), json!(9_999_999_999_i64), json!(1.5), json!([])] {
        let answer = merge(&server, &scale, json!({"spec": {"replicas": wrong}})).await;
        assert_eq!(answer.code, 422, "{wrong}: {}", answer.body);
        let body = json!({"metadata": {"name": "d"}, "spec": {"replicas": wrong}});
        assert_eq!(put(&server, &scale, body).await.code, 400, "{wrong}");
    }
    assert_eq!(get(&server, &scale).await.expect(200)["spec"]["replicas"], 2);
    let none = put(&server, &scale, json!({"metadata": {"name": "d"}, "spec": {}})).await.expect(200);
    assert_eq!(none["spec"]["replicas"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_takes_away_what_the_server_keeps_takes_nothing() {
    let server = server();
    let made = post(&server, MAPS, map("a")).await.expect(201);
    let nothing = json!({"metadata": {"uid": null, "creationTimestamp": null, "name": null}});
    let patched = merge(&server, &format!("{MAPS}/a"), nothing).await.expect(200);
    assert_eq!(patched["metadata"], made["metadata"]);
    merge(&server, &format!("{MAPS}/a"), json!({"metadata": {"uid": "other"}})).await.expect(422);
}
