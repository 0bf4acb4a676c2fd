//! Built-in types beyond the workloads: their defaults, their refusals, their tables, and objects with two faces.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use http::Request;
use serde_json::{Value, json};
use support::{Watch, builder, delete, get, merge, names, post, put, send, server};

const V1: &str = "/api/v1/namespaces/default";
const NEW_EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/default/events";

/// The cells of the first row of a Table, as text.
async fn row(server: &pilothouse_apiserver::ApiServer, path: &str) -> Vec<String> {
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let request = Request::builder().uri(path).header("accept", accept).body(http_body_util::Full::default());
    let table = send(server, request.unwrap()).await.expect(200);
    let cells = table["rows"][0]["cells"].as_array().unwrap_or_else(|| panic!("{table}")).clone();
    cells.iter().map(|cell| cell.as_str().map_or_else(|| cell.to_string(), str::to_owned)).collect()
}

#[tokio::test]
async fn an_event_is_one_object_in_both_groups() {
    let server = server();
    let mut watch = Watch::open(&server, &format!("{NEW_EVENTS}?watch=1")).await;
    let old = json!({
        "metadata": {"name": "old"}, "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"},
        "reason": "Started", "message": "it runs", "source": {"component": "kubelet"}, "count": 2, "type": "Normal",
        "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:01Z",
    });
    post(&server, &format!("{V1}/events"), old).await.expect(201);
    let seen = get(&server, &format!("{NEW_EVENTS}/old")).await.expect(200);
    assert_eq!(seen["apiVersion"], "events.k8s.io/v1");
    assert_eq!((&seen["regarding"]["name"], &seen["note"]), (&json!("p"), &json!("it runs")));
    assert_eq!((&seen["deprecatedCount"], &seen["involvedObject"]), (&json!(2), &Value::Null));
    assert_eq!(seen["deprecatedSource"], json!({"component": "kubelet"}));

    let new = json!({
        "metadata": {"name": "new"}, "regarding": {"kind": "Pod", "name": "q", "namespace": "default"},
        "reason": "Paused", "action": "Pausing", "note": "it waits", "type": "Warning",
        "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "example.com/c", "reportingInstance": "c-1",
    });
    post(&server, NEW_EVENTS, new).await.expect(201);
    let seen = get(&server, &format!("{V1}/events/new")).await.expect(200);
    assert_eq!((&seen["involvedObject"]["name"], &seen["message"]), (&json!("q"), &json!("it waits")));
    assert_eq!((&seen["reportingComponent"], &seen["source"]), (&json!("example.com/c"), &json!({})));

    let listed = get(&server, &format!("{V1}/events")).await.expect(200);
    assert_eq!(names(&listed), ["new", "old"]);
    assert_eq!(listed["items"][0]["message"], "it waits");
    let found = get(&server, &format!("{V1}/events?fieldSelector=involvedObject.name=q")).await.expect(200);
    assert_eq!(names(&found), ["new"]);
    let found = get(&server, &format!("{NEW_EVENTS}?fieldSelector=regarding.name=p")).await.expect(200);
    assert_eq!(names(&found), ["old"]);
    let first = watch.next().await.unwrap();
    assert_eq!((&first["type"], &first["object"]["note"]), (&json!("ADDED"), &json!("it runs")));

    let series = json!({"series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:05.000000Z"}});
    merge(&server, &format!("{NEW_EVENTS}/new"), series).await.expect(200);
    let cells = row(&server, &format!("{V1}/events/new")).await;
    assert_eq!(cells[2..4], ["Paused", "pod/q"]);
    assert_eq!((cells[6].as_str(), cells[8].as_str()), ("it waits", "2"));
    delete(&server, &format!("{V1}/events/new"), Value::Null).await.expect(200);
    assert_eq!(get(&server, &format!("{NEW_EVENTS}/new")).await.code, 404);
}

#[tokio::test]
async fn events_of_the_new_group_say_who_did_what() {
    let server = server();
    let bare = json!({"metadata": {"name": "e"}, "regarding": {"namespace": "default"}, "type": "Odd"});
    let refused = post(&server, NEW_EVENTS, bare).await.expect(422);
    let causes = refused["details"]["causes"].as_array().unwrap();
    let fields: Vec<_> = causes.iter().map(|cause| cause["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["eventTime", "reportingController", "reportingInstance", "action", "reason", "type"]);
}

#[tokio::test]
async fn a_furnished_cluster_has_what_pods_and_clients_count_on() {
    let server = builder().furnished("the certificate").build();
    post(&server, "/api/v1/namespaces", json!({"metadata": {"name": "team"}})).await.expect(201);
    for namespace in ["default", "kube-system", "team"] {
        let at = format!("/api/v1/namespaces/{namespace}");
        get(&server, &format!("{at}/serviceaccounts/default")).await.expect(200);
        let map = get(&server, &format!("{at}/configmaps/kube-root-ca.crt")).await.expect(200);
        assert_eq!(map["data"]["ca.crt"], "the certificate");
    }
    let service = get(&server, &format!("{V1}/services/kubernetes")).await.expect(200);
    assert_eq!(service["spec"]["clusterIP"], "10.96.0.1");
    let pod = post(&server, support::PODS, support::pod("p", None)).await.expect(201);
    assert_eq!(pod["spec"]["serviceAccountName"], "default");
    // They come back, and a namespace that is being deleted gets nothing new.
    for (path, name) in [("configmaps", "kube-root-ca.crt"), ("serviceaccounts", "default")] {
        let path = format!("/api/v1/namespaces/team/{path}/{name}");
        let before = get(&server, &path).await.expect(200);
        delete(&server, &path, Value::Null).await.expect(200);
        assert_ne!(get(&server, &path).await.expect(200)["metadata"]["uid"], before["metadata"]["uid"]);
    }
    delete(&server, "/api/v1/namespaces/team", Value::Null).await.expect(200);
    delete(&server, "/api/v1/namespaces/team/serviceaccounts/default", Value::Null).await.expect(200);
    assert_eq!(get(&server, "/api/v1/namespaces/team/serviceaccounts/default").await.code, 404);
}

#[tokio::test]
async fn a_bare_server_holds_nothing_that_nobody_made() {
    let server = server();
    for plural in ["serviceaccounts", "configmaps", "services"] {
        assert!(names(&get(&server, &format!("/api/v1/{plural}")).await.expect(200)).is_empty(), "{plural}");
    }
    let pod = post(&server, support::PODS, support::pod("p", None)).await.expect(201);
    assert_eq!(pod["spec"]["serviceAccountName"], Value::Null);
}

#[tokio::test]
async fn smaller_types_have_defaults_and_tables() {
    let server = server();
    let networking = "/apis/networking.k8s.io/v1/namespaces/default";
    let ingress = json!({"metadata": {"name": "i"}, "spec": {"rules": [{"host": "a.example.com", "http": {"paths": [
        {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}},
    ]}}]}});
    post(&server, &format!("{networking}/ingresses"), ingress).await.expect(201);
    let cells = row(&server, &format!("{networking}/ingresses")).await;
    assert_eq!(cells, ["i", "<none>", "a.example.com", "", "80", "0s"]);

    let policy = json!({"metadata": {"name": "n"}, "spec": {"podSelector": {}, "egress": [{"ports": [{"port": 53}]}]}});
    let policy = post(&server, &format!("{networking}/networkpolicies"), policy).await.expect(201);
    assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
    assert_eq!(policy["spec"]["egress"][0]["ports"][0]["protocol"], "TCP");

    let claim = json!({"metadata": {"name": "c"}, "spec": {"accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}}}});
    let claim = post(&server, &format!("{V1}/persistentvolumeclaims"), claim).await.expect(201);
    assert_eq!(
        (&claim["status"]["phase"], &claim["spec"]["volumeMode"]),
        (&json!("Pending"), &json!("Filesystem"))
    );
    let grown = merge(
        &server,
        &format!("{V1}/persistentvolumeclaims/c"),
        json!({"spec": {"resources": {"requests": {"storage": "2Gi"}}}}),
    )
    .await;
    grown.expect(200);
    let moved = json!({"spec": {"accessModes": ["ReadOnlyMany"]}});
    merge(&server, &format!("{V1}/persistentvolumeclaims/c"), moved).await.expect(422);

    let class = json!({"metadata": {"name": "fast", "annotations":
        {"storageclass.kubernetes.io/is-default-class": "true"}}, "provisioner": "example.com/fast"});
    let classes = "/apis/storage.k8s.io/v1/storageclasses";
    post(&server, classes, class).await.expect(201);
    assert_eq!(
        row(&server, classes).await[..4],
        ["fast (default)", "example.com/fast", "Delete", "Immediate"]
    );

    let quota = json!({"metadata": {"name": "q"}, "spec": {"hard": {"limits.cpu": "4", "pods": "5"}}});
    post(&server, &format!("{V1}/resourcequotas"), quota).await.expect(201);
    assert_eq!(row(&server, &format!("{V1}/resourcequotas")).await[1..3], ["pods: 0/5", "limits.cpu: 0/4"]);

    let controller = json!({"metadata": {"name": "r"}, "spec": {"template": {"metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i:1"}]}}}});
    let controller = post(&server, &format!("{V1}/replicationcontrollers"), controller).await.expect(201);
    assert_eq!(controller["spec"]["selector"], json!({"a": "b"}));
    let cells = row(&server, &format!("{V1}/replicationcontrollers")).await;
    assert_eq!(cells, ["r", "1", "0", "0", "0s", "c", "i:1", "a=b"]);
}

#[tokio::test]
async fn an_autoscaler_is_one_object_in_both_versions() {
    let server = server();
    let scaler = json!({"metadata": {"name": "h"}, "spec": {"maxReplicas": 3,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}});
    let scalers = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";
    post(&server, scalers, scaler).await.expect(201);
    let cells = row(&server, scalers).await;
    assert_eq!(cells, ["h", "Deployment/web", "cpu: <unknown>/80%", "1", "3", "0", "0s"]);

    let older =
        get(&server, "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers/h").await.expect(200);
    assert_eq!(
        (&older["apiVersion"], &older["spec"]["targetCPUUtilizationPercentage"]),
        (&json!("autoscaling/v1"), &json!(80))
    );
    assert_eq!(older["spec"].get("metrics"), None);
    let half = json!({"spec": {"targetCPUUtilizationPercentage": 50}});
    merge(&server, "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers/h", half)
        .await
        .expect(200);
    assert_eq!(row(&server, scalers).await[2], "cpu: <unknown>/50%");
}

#[tokio::test]
async fn smaller_types_refuse_what_the_real_server_refuses() {
    let server = server();
    let networking = "/apis/networking.k8s.io/v1/namespaces/default";
    let policy = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
    let cases = [
        (format!("{networking}/ingresses"), json!({"spec": {}}), "spec"),
        (
            format!("{V1}/persistentvolumeclaims"),
            json!({"spec": {"accessModes": ["ReadWriteOnce"]}}),
            "spec.resources[storage]",
        ),
        (policy.to_owned(), json!({"spec": {"minAvailable": 1, "maxUnavailable": 1}}), "spec"),
        ("/apis/scheduling.k8s.io/v1/priorityclasses".into(), json!({"value": 2_000_000_000}), "value"),
        ("/apis/storage.k8s.io/v1/storageclasses".into(), json!({}), "provisioner"),
        ("/apis/node.k8s.io/v1/runtimeclasses".into(), json!({}), "handler"),
        (
            "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices".into(),
            json!({"endpoints": []}),
            "addressType",
        ),
    ];
    for (path, mut object, field) in cases {
        object["metadata"] = json!({"name": "x"});
        let refused = post(&server, &path, object).await.expect(422);
        assert_eq!(refused["details"]["causes"][0]["field"], *field, "{path}: {refused}");
    }
}

#[tokio::test]
async fn webhook_configurations_are_kept_with_a_warning_that_nobody_calls_them() {
    let server = server();
    let webhook = json!({"name": "a.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "clientConfig": {"url": "https://127.0.0.1:1/"}, "rules": [{"apiGroups": [""], "apiVersions": ["v1"],
        "operations": ["CREATE"], "resources": ["pods"]}]});
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let object = json!({"metadata": {"name": "w"}, "webhooks": [webhook]});
    let answer = post(&server, path, object).await;
    let warning = answer.headers.get("warning").unwrap().to_str().unwrap().to_owned();
    assert!(warning.contains("calls no webhook"), "{warning}");
    let stored = answer.expect(201);
    assert_eq!(
        (&stored["webhooks"][0]["timeoutSeconds"], &stored["webhooks"][0]["rules"][0]["scope"]),
        (&json!(10), &json!("*"))
    );
    assert!(get(&server, &format!("{path}/w")).await.headers.get("warning").is_none());
}

#[tokio::test]
async fn the_table_of_a_scale_tells_what_is_wanted_and_what_is_there() {
    let server = server();
    let web = json!({"metadata": {"name": "web"}, "spec": {"replicas": 3, "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}});
    let path = "/apis/apps/v1/namespaces/default/deployments";
    let mut web = post(&server, path, web).await.expect(201);
    web["status"] = json!({"replicas": 2});
    put(&server, &format!("{path}/web/status"), web).await.expect(200);
    assert_eq!(row(&server, &format!("{path}/web/scale")).await, ["web", "3", "2", "0s"]);
}

#[tokio::test]
async fn health_tells_its_parts_when_asked() {
    let server = server();
    let verbose = get(&server, "/livez?verbose").await.expect(200);
    assert_eq!(verbose, "[+]ping ok\n[+]log ok\n[+]etcd ok\nlivez check passed\n");
    assert_eq!(get(&server, "/readyz/ping").await.expect(200), "ok");
    assert_eq!(get(&server, "/readyz/nothing").await.code, 404);
}
