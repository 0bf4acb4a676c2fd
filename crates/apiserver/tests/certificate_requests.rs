//! Requests for certificates: who asks, and who decides.

mod support;

use pilothouse_apiserver::{ApiServer, Authorization, User, UserService};
use serde_json::{Value, json};
use support::{builder, call, post, put};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

/// Gives bob `verbs` on `resources` of the group of certificates; of these names, if any are given.
async fn grant(server: &ApiServer, name: &str, verbs: &[&str], resources: &[&str], names: &[&str]) {
    let rule = json!({"verbs": verbs, "apiGroups": ["certificates.k8s.io"], "resources": resources,
        "resourceNames": names});
    let role = json!({"metadata": {"name": name}, "rules": [rule]});
    post(server, &format!("{RBAC}/clusterroles"), role).await.expect(201);
    let binding = json!({"metadata": {"name": name}, "roleRef": {"kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "User", "name": "bob"}]});
    post(server, &format!("{RBAC}/clusterrolebindings"), binding).await.expect(201);
}

/// A server with RBAC, and bob who may write requests and their subresources, and who asks for a certificate.
async fn asked(signer: &str) -> (ApiServer, UserService, Value) {
    let server = builder().authorization(Authorization::Rbac).build();
    let part = |name: &str| format!("certificatesigningrequests{name}");
    let resources = ["", "/status", "/approval"].map(part);
    let resources: Vec<_> = resources.iter().map(String::as_str).collect();
    grant(&server, "requests", &["create", "get", "update", "patch"], &resources, &[]).await;
    let bob = server.as_user(User::new("bob").with_uid("u1").with_group("dev").with_extra("team", ["blue"]));
    let request = json!({"metadata": {"name": "r"}, "spec": {"request": "eA==", "signerName": signer,
        "usages": ["client auth"], "username": "admin", "uid": "0", "groups": ["system:masters"],
        "extra": {"team": ["red"]}}, "status": {"conditions": [{"type": "Approved", "status": "True"}]}});
    let created = call(&bob, "POST", REQUESTS, request).await.expect(201);
    (server, bob, created)
}

fn condition(kind: &str) -> Value {
    json!({"status": {"conditions": [{"type": kind, "status": "True", "reason": "Test"}]}})
}

#[tokio::test(start_paused = true)]
async fn au2_who_asks_for_a_certificate_is_who_sends_the_request_and_it_never_asks_for_another() {
    let (server, bob, created) = asked("example.com/web").await;
    let spec = created["spec"].clone();
    assert_eq!(
        (&spec["username"], &spec["uid"], &spec["groups"], &spec["extra"]),
        (&json!("bob"), &json!("u1"), &json!(["dev", "system:authenticated"]), &json!({"team": ["blue"]}))
    );
    assert_eq!(created["status"], json!({}));
    let mut changed = created;
    changed["metadata"]["labels"] = json!({"a": "b"});
    changed["spec"]["username"] = "admin".into();
    changed["spec"]["request"] = "eQ==".into();
    let path = format!("{REQUESTS}/r");
    let changed = call(&bob, "PUT", &path, changed).await.expect(200);
    assert_eq!((&changed["spec"], &changed["metadata"]["labels"]["a"]), (&spec, &json!("b")));
    let mut stored = changed;
    for part in ["", "/status", "/approval"] {
        stored["spec"]["signerName"] = "example.com/other".into();
        stored = put(&server, &format!("{path}{part}"), stored).await.expect(200);
        assert_eq!(stored["spec"], spec, "{part}");
    }
}

#[tokio::test(start_paused = true)]
async fn au2_approving_takes_the_right_to_approve_for_the_signer() {
    for (name, code) in [("example.com/web", 200), ("example.com/*", 200), ("example.com/other", 403)] {
        let (server, bob, _) = asked("example.com/web").await;
        let approval = format!("{REQUESTS}/r/approval");
        let refused = call(&bob, "PATCH", &approval, condition("Approved")).await.expect(403);
        assert_eq!(
            refused["message"],
            "certificatesigningrequests.certificates.k8s.io \"r\" is forbidden: user not permitted to approve \
             requests with signerName \"example.com/web\""
        );
        grant(&server, "sign", &["sign"], &["signers"], &[]).await;
        call(&bob, "PATCH", &approval, condition("Approved")).await.expect(403);
        grant(&server, "approve", &["approve"], &["signers"], &[name]).await;
        let answer = call(&bob, "PATCH", &approval, condition("Approved")).await.expect(code);
        assert_eq!(answer["status"]["conditions"][0]["type"] == "Approved", code == 200, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn au2_the_approval_decides_and_the_status_says_what_came_of_it() {
    let (server, bob, _) = asked("example.com/web").await;
    grant(&server, "approve", &["approve"], &["signers"], &[]).await;
    let (approval, status) = (format!("{REQUESTS}/r/approval"), format!("{REQUESTS}/r/status"));
    let certificate = json!({"status": {"certificate": "eA=="}});
    let unchanged = call(&bob, "PATCH", &approval, certificate.clone()).await.expect(200);
    assert_eq!(unchanged["status"]["certificate"], Value::Null);
    let refused = call(&bob, "PATCH", &status, certificate.clone()).await.expect(403);
    assert!(refused["message"].as_str().is_some_and(|text| text.contains("permitted to sign")), "{refused}");
    grant(&server, "sign", &["sign"], &["signers"], &[]).await;
    let refused = call(&bob, "PATCH", &status, condition("Approved")).await.expect(422);
    assert!(refused["message"].as_str().is_some_and(|text| text.contains("may not add")), "{refused}");
    call(&bob, "PATCH", &status, condition("Failed")).await.expect(200);
    let approved = call(&bob, "PATCH", &approval, condition("Approved")).await.expect(200);
    let kinds: Vec<_> = approved["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|condition| condition["type"].as_str())
        .collect();
    assert_eq!(kinds, ["Failed", "Approved"]);
    let signed = call(&bob, "PATCH", &status, certificate).await.expect(200);
    assert_eq!(signed["status"]["certificate"], "eA==");
    let none = json!({"status": {"conditions": null}});
    for path in [&approval, &status] {
        let refused = call(&bob, "PATCH", path, none.clone()).await.expect(422);
        assert!(refused["message"].as_str().is_some_and(|text| text.contains("may not remove")), "{refused}");
    }
    let both = json!({"status": {"conditions": [
        {"type": "Approved", "status": "True", "reason": "Test"}, {"type": "Denied", "status": "True"}]}});
    let refused = call(&bob, "PATCH", &approval, both).await.expect(422);
    assert!(refused["message"].as_str().is_some_and(|text| text.contains("mutually exclusive")), "{refused}");
}
