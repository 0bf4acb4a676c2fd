//! Who is let in, and what roles allow them.

mod support;

use http::Request;
use pilothouse_apiserver::{ApiServer, Authorization, ServeOptions, User};
use serde_json::{Value, json};
use support::{MAPS, PODS, builder, call, get, map, post, put, request, send_as};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

fn rbac() -> ApiServer {
    builder().authorization(Authorization::Rbac).build()
}

fn rule(verbs: &[&str], groups: &[&str], resources: &[&str]) -> Value {
    json!({"verbs": verbs, "apiGroups": groups, "resources": resources})
}

/// Makes a cluster role (`namespace` is `None`) or role of `rules`, and binds it to the user `bob`.
async fn grant(server: &ApiServer, namespace: Option<&str>, name: &str, rules: Value) {
    let (at, prefix, kind) = match namespace {
        Some(namespace) => (format!("{RBAC}/namespaces/{namespace}/"), "", "Role"),
        None => (format!("{RBAC}/"), "cluster", "ClusterRole"),
    };
    let role = json!({"metadata": {"name": name}, "rules": rules});
    post(server, &format!("{at}{prefix}roles"), role).await.expect(201);
    let binding = json!({"metadata": {"name": name}, "roleRef": {"kind": kind, "name": name},
        "subjects": [{"kind": "User", "name": "bob"}]});
    post(server, &format!("{at}{prefix}rolebindings"), binding).await.expect(201);
}

#[tokio::test(start_paused = true)]
async fn au1_a_token_is_its_users_and_a_wrong_one_is_nobodys() {
    let ann = User::new("ann").with_uid("u1").with_group("dev").with_extra("example.com/team", ["blue"]);
    let server = builder().tokens([("t", ann)]).tokens([("s", "bob")]).build();
    let me = |token: &str| {
        let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        let mut request = request("POST", path, "application/json", "{}");
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        request
    };
    let review = support::send(&server, me("t")).await.expect(201);
    assert_eq!(
        review["status"]["userInfo"],
        json!({"username": "ann", "uid": "u1", "groups": ["dev", "system:authenticated"],
            "extra": {"example.com/team": ["blue"]}})
    );
    let review = support::send(&server, me("s")).await.expect(201);
    assert_eq!(review["status"]["userInfo"], json!({"username": "bob", "groups": ["system:authenticated"]}));
    let refused = support::send(&server, me("x")).await.expect(401);
    assert_eq!((&refused["reason"], &refused["message"]), (&json!("Unauthorized"), &json!("Unauthorized")));
    let users: Vec<_> = server.request_log().into_iter().map(|record| record.user).collect();
    assert_eq!(users, ["ann", "bob", "system:anonymous"]);
}

#[tokio::test(start_paused = true)]
async fn au1_in_process_requests_are_the_administrators_or_those_of_the_user_asked_for() {
    let server = rbac();
    post(&server, MAPS, map("a")).await.expect(201);
    let bob = server.as_user("bob");
    let refused = call(&bob, "GET", &format!("{MAPS}/a"), Value::Null).await.expect(403);
    assert_eq!(
        refused["message"],
        "configmaps \"a\" is forbidden: User \"bob\" cannot get resource \"configmaps\" in API group \"\" in the \
         namespace \"default\""
    );
    assert_eq!(refused["details"], json!({"name": "a", "kind": "configmaps"}));
    let log = server.request_log();
    assert_eq!(log.iter().map(|record| &*record.user).collect::<Vec<_>>(), ["admin", "bob"]);
}

#[tokio::test]
async fn au1_behind_a_socket_nobody_is_somebody_by_default() {
    let server = ApiServer::builder().authorization(Authorization::Rbac).tokens([("t", "bob")]).build();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = ServeOptions { token: Some("admin-token".into()), tls: None };
    let handle = server.serve(listener, options).unwrap();
    let ask = async |token: &str, path: &str| {
        let file = pilothouse_apiserver::kubeconfig(
            &format!("http://{}", handle.local_addr()),
            (!token.is_empty()).then_some(token),
            None,
        );
        let file = kube::config::Kubeconfig::from_yaml(&file).unwrap();
        let config = kube::Config::from_custom_kubeconfig(file, &Default::default()).await.unwrap();
        let client = kube::Client::try_from(config).unwrap();
        let request = Request::builder().uri(path).body(Vec::new()).unwrap();
        match client.request_text(request).await {
            Ok(_) => 200,
            Err(kube::Error::Api(status)) => status.code,
            Err(error) => panic!("{error}"),
        }
    };
    let expected = [("admin-token", [200, 200, 200]), ("t", [403, 200, 200]), ("", [403, 403, 200])];
    for (token, codes) in expected {
        for (path, code) in [MAPS, "/api", "/version"].into_iter().zip(codes) {
            assert_eq!(ask(token, path).await, code, "{token} {path}");
        }
    }
    assert_eq!(ask("wrong", "/version").await, 401);
    let users: Vec<_> = server.request_log().into_iter().map(|record| record.user).collect();
    assert_eq!((&*users[0], &*users[3], &*users[6]), ("admin", "bob", "system:anonymous"));
    handle.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn au2_roles_allow_their_verbs_from_the_next_request_on_and_until_they_are_gone() {
    let server = rbac();
    let bob = server.as_user("bob");
    grant(
        &server,
        Some("default"),
        "maps",
        json!([rule(&["get", "list", "create", "delete"], &[""], &["configmaps"])]),
    )
    .await;
    call(&bob, "POST", MAPS, map("a")).await.expect(201);
    call(&bob, "GET", MAPS, Value::Null).await.expect(200);
    call(&bob, "GET", &format!("{MAPS}?watch=1"), Value::Null).await.expect(403);
    call(&bob, "PATCH", &format!("{MAPS}/a"), json!({"data": {"k": "2"}})).await.expect(403);
    call(&bob, "DELETE", MAPS, Value::Null).await.expect(403);
    call(&bob, "GET", "/api/v1/configmaps", Value::Null).await.expect(403);
    call(&bob, "GET", "/api/v1/namespaces/kube-system/configmaps", Value::Null).await.expect(403);
    let role = format!("{RBAC}/namespaces/default/roles/maps");
    let narrower = json!({"metadata": {"name": "maps"}, "rules": [rule(&["get"], &[""], &["configmaps"])]});
    put(&server, &role, narrower).await.expect(200);
    call(&bob, "GET", MAPS, Value::Null).await.expect(403);
    call(&bob, "GET", &format!("{MAPS}/a"), Value::Null).await.expect(200);
    support::delete(&server, &role, Value::Null).await.expect(200);
    let refused = call(&bob, "GET", &format!("{MAPS}/a"), Value::Null).await.expect(403);
    let message = refused["message"].as_str().unwrap();
    assert!(
        message.ends_with("\"default\": RBAC: role.rbac.authorization.k8s.io \"maps\" not found"),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn au2_a_write_that_would_create_needs_the_right_to_create() {
    let server = rbac();
    let bob = server.as_user("bob");
    let verbs = ["get", "patch", "update"];
    let rules =
        json!([rule(&verbs, &[""], &["configmaps"]), rule(&verbs, &["coordination.k8s.io"], &["leases"])]);
    grant(&server, Some("default"), "maps", rules).await;
    let apply = |name: &str| {
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
        let path = format!("{MAPS}/{name}?fieldManager=tests");
        request("PATCH", &path, "application/apply-patch+yaml", body.to_string())
    };
    let refused = send_as(&bob, apply("a")).await.expect(403);
    assert!(
        refused["message"].as_str().unwrap().contains("cannot create resource \"configmaps\""),
        "{refused}"
    );
    let lease = json!({"metadata": {"name": "l"}, "spec": {}});
    let leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    call(&bob, "PUT", &format!("{leases}/l"), lease.clone()).await.expect(403);
    post(&server, MAPS, map("a")).await.expect(201);
    let created = post(&server, leases, lease).await.expect(201);
    send_as(&bob, apply("a")).await.expect(200);
    call(&bob, "PUT", &format!("{leases}/l"), created).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn au2_names_subresources_and_paths_are_rights_of_their_own() {
    let server = rbac();
    let bob = server.as_user("bob");
    let named = json!({"verbs": ["get", "list"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["a"]});
    let paths = json!({"verbs": ["get"], "nonResourceURLs": ["/openapi/v3*"]});
    grant(&server, None, "some", json!([named, rule(&["patch"], &[""], &["pods/status"]), paths])).await;
    for name in ["a", "b"] {
        post(&server, MAPS, map(name)).await.expect(201);
    }
    post(&server, PODS, support::pod("p", None)).await.expect(201);
    for (method, path, code) in [
        ("GET", format!("{MAPS}/a"), 200),
        ("GET", format!("{MAPS}/b"), 403),
        ("GET", MAPS.to_owned(), 403),
        ("GET", format!("{MAPS}?fieldSelector=metadata.name%3Da"), 200),
        ("GET", format!("{MAPS}?fieldSelector=metadata.name%3Db"), 403),
        ("PATCH", format!("{PODS}/p"), 403),
        ("PATCH", format!("{PODS}/p/status"), 200),
        ("GET", "/openapi/v3/api/v1".to_owned(), 200),
        ("GET", "/metrics".to_owned(), 403),
        ("GET", "/apis".to_owned(), 200),
    ] {
        assert_eq!(call(&bob, method, &path, json!({})).await.code, code, "{method} {path}");
    }
    let refused = call(&bob, "GET", "/metrics", Value::Null).await.expect(403);
    assert_eq!(refused["message"], "forbidden: User \"bob\" cannot get path \"/metrics\"");
    assert_eq!(refused["details"], json!({}));
}

#[tokio::test(start_paused = true)]
async fn au2_nobody_gives_what_they_do_not_have() {
    let server = rbac();
    let bob = server.as_user(User::new("bob").with_group("dev"));
    let own =
        rule(&["create", "update", "patch"], &["rbac.authorization.k8s.io"], &["roles", "rolebindings"]);
    grant(&server, Some("default"), "own", json!([own, rule(&["get", "list"], &[""], &["configmaps"])]))
        .await;
    let roles = format!("{RBAC}/namespaces/default/roles");
    let bindings = format!("{RBAC}/namespaces/default/rolebindings");
    let role = |name: &str, verbs: &[&str]| json!({"metadata": {"name": name}, "rules": [rule(verbs, &[""], &["configmaps"])]});
    call(&bob, "POST", &roles, role("less", &["get"])).await.expect(201);
    let refused = call(&bob, "POST", &roles, role("more", &["get", "delete", "watch"])).await.expect(403);
    assert_eq!(
        refused["message"],
        "roles.rbac.authorization.k8s.io \"more\" is forbidden: user \"bob\" (groups=[\"dev\" \
         \"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n\
         {APIGroups:[\"\"], Resources:[\"configmaps\"], Verbs:[\"delete\" \"watch\"]}"
    );
    let grown = json!({"rules": role("", &["get", "delete"])["rules"]});
    call(&bob, "PATCH", &format!("{roles}/less"), grown.clone()).await.expect(403);
    let binding = |name: &str, kind: &str, role: &str| {
        json!({"metadata": {"name": name}, "roleRef": {"kind": kind, "name": role},
            "subjects": [{"kind": "User", "name": "eve"}]})
    };
    call(&bob, "POST", &bindings, binding("less", "Role", "less")).await.expect(201);
    call(&bob, "POST", &bindings, binding("view", "ClusterRole", "view")).await.expect(403);
    let absent = call(&bob, "POST", &bindings, binding("absent", "Role", "absent")).await.expect(404);
    assert_eq!(absent["message"], "role.rbac.authorization.k8s.io \"absent\" not found");
    // The verbs that lift the rule.
    let group = ["rbac.authorization.k8s.io"];
    let lifted = json!([rule(&["escalate"], &group, &["roles"]), rule(&["bind"], &group, &["clusterroles"])]);
    grant(&server, Some("default"), "lifted", lifted).await;
    call(&bob, "PATCH", &format!("{roles}/less"), grown).await.expect(200);
    call(&bob, "POST", &bindings, binding("view", "ClusterRole", "view")).await.expect(201);
    call(&server.as_user("eve"), "GET", PODS, Value::Null).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn au2_a_binding_whose_role_is_gone_is_not_changed_and_the_answer_says_so() {
    let server = rbac();
    let bob = server.as_user("bob");
    let own = rule(&["get", "update", "patch"], &["rbac.authorization.k8s.io"], &["rolebindings"]);
    grant(&server, Some("default"), "own", json!([own])).await;
    let namespace = format!("{RBAC}/namespaces/default");
    let role = json!({"metadata": {"name": "r"}, "rules": [rule(&["get"], &[""], &["pods"])]});
    post(&server, &format!("{namespace}/roles"), role).await.expect(201);
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "r"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
        "subjects": [{"kind": "User", "name": "eve"}]});
    let mut stored = post(&server, &format!("{namespace}/rolebindings"), binding.clone()).await.expect(201);
    support::delete(&server, &format!("{namespace}/roles/r"), Value::Null).await.expect(200);
    let path = format!("{namespace}/rolebindings/r");
    stored["subjects"] = json!([{"kind": "User", "name": "eve"}, {"kind": "User", "name": "bob"}]);
    let refused = call(&bob, "PUT", &path, stored).await.expect(404);
    assert_eq!(refused["message"], "role.rbac.authorization.k8s.io \"r\" not found");
    let mut applied = binding;
    applied["subjects"] = json!([{"kind": "User", "name": "bob", "apiGroup": "rbac.authorization.k8s.io"}]);
    let path = format!("{path}?fieldManager=tests&force=true");
    let apply = request("PATCH", &path, "application/apply-patch+yaml", applied.to_string());
    let refused = send_as(&bob, apply).await.expect(404);
    assert_eq!(refused["message"], "role.rbac.authorization.k8s.io \"r\" not found");
}

#[tokio::test(start_paused = true)]
async fn au2_aggregated_roles_have_the_rules_of_what_they_select_as_soon_as_it_is_written() {
    let server = rbac();
    let roles = format!("{RBAC}/clusterroles");
    let names = |role: &Value| -> Vec<String> {
        let rules = role["rules"].as_array().unwrap().iter();
        rules
            .flat_map(|rule| rule["resources"].as_array().unwrap().clone())
            .map(|name| name.to_string())
            .collect()
    };
    let widgets = |verbs: &[&str]| {
        json!({"metadata": {"name": "widgets", "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}},
            "rules": [rule(verbs, &["example.com"], &["widgets"])]})
    };
    post(&server, &roles, widgets(&["get"])).await.expect(201);
    for name in ["view", "edit", "admin"] {
        let role = get(&server, &format!("{roles}/{name}")).await.expect(200);
        let names = names(&role);
        assert!(
            names.contains(&"\"widgets\"".to_owned()) && names.contains(&"\"pods\"".to_owned()),
            "{name}"
        );
        assert_eq!(names.contains(&"\"secrets\"".to_owned()), name != "view");
    }
    let binding = json!({"metadata": {"name": "v"}, "roleRef": {"kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "User", "name": "bob"}]});
    post(&server, &format!("{RBAC}/namespaces/default/rolebindings"), binding).await.expect(201);
    let path = "/apis/example.com/v1/namespaces/default/widgets";
    let bob = server.as_user("bob");
    call(&bob, "GET", &format!("{path}/w"), Value::Null).await.expect(404);
    support::delete(&server, &format!("{roles}/widgets"), Value::Null).await.expect(200);
    call(&bob, "GET", &format!("{path}/w"), Value::Null).await.expect(403);
    let rules = json!([rule(&["*"], &["rbac.authorization.k8s.io"], &["clusterroles"])]);
    grant(&server, None, "roles", rules).await;
    let own = json!({"metadata": {"name": "own"}, "aggregationRule": {"clusterRoleSelectors": [{}]}});
    let refused = call(&bob, "POST", &roles, own).await;
    // `*` holds `escalate` as well.
    assert_eq!(refused.code, 201);
    let eve = server.as_user("eve");
    let binding = json!({"metadata": {"name": "eve"}, "roleRef": {"kind": "ClusterRole", "name": "eve"},
        "subjects": [{"kind": "User", "name": "eve"}]});
    post(&server, &format!("{RBAC}/clusterrolebindings"), binding).await.expect(201);
    let rules = json!([rule(&["create"], &["rbac.authorization.k8s.io"], &["clusterroles"])]);
    post(&server, &roles, json!({"metadata": {"name": "eve"}, "rules": rules})).await.expect(201);
    let own = json!({"metadata": {"name": "hers"}, "aggregationRule": {"clusterRoleSelectors": [{}]}});
    let refused = call(&eve, "POST", &roles, own).await.expect(403);
    assert_eq!(
        refused["message"],
        "clusterroles.rbac.authorization.k8s.io \"hers\" is forbidden: must have cluster-admin privileges to use an \
         aggregationRule"
    );
}

#[tokio::test(start_paused = true)]
async fn au2_malformed_roles_and_bindings_are_refused_and_defaults_are_set() {
    let server = rbac();
    let roles = format!("{RBAC}/namespaces/default/roles");
    let bindings = format!("{RBAC}/namespaces/default/rolebindings");
    for (path, body, field) in [
        (&roles, json!({"rules": [{"apiGroups": [""], "resources": ["pods"]}]}), "rules[0].verbs"),
        (&roles, json!({"rules": [{"verbs": ["get"], "resources": ["pods"]}]}), "rules[0].apiGroups"),
        (&roles, json!({"rules": [{"verbs": ["get"], "apiGroups": [""]}]}), "rules[0].resources"),
        (
            &roles,
            json!({"rules": [{"verbs": ["get"], "nonResourceURLs": ["/a"]}]}),
            "rules[0].nonResourceURLs",
        ),
        (&bindings, json!({"roleRef": {"kind": "Thing", "name": "a"}}), "roleRef.kind"),
        (&bindings, json!({"roleRef": {"kind": "Role", "name": ""}}), "roleRef.name"),
        (
            &bindings,
            json!({"roleRef": {"kind": "Role", "name": "a"}, "subjects": [{"kind": "Robot", "name": "r"}]}),
            "subjects[0].kind",
        ),
    ] {
        let mut body = body;
        body["metadata"] = json!({"name": "x"});
        let refused = post(&server, path, body).await.expect(422);
        assert_eq!(refused["details"]["causes"][0]["field"], field, "{refused}");
    }
    let binding = json!({"metadata": {"name": "x"}, "roleRef": {"kind": "Role", "name": "a"}, "subjects": [
        {"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s"}]});
    let mut created = post(&server, &bindings, binding).await.expect(201);
    assert_eq!(created["roleRef"]["apiGroup"], "rbac.authorization.k8s.io");
    assert_eq!(created["subjects"][0]["apiGroup"], "rbac.authorization.k8s.io");
    assert_eq!(created["subjects"][1], json!({"kind": "ServiceAccount", "name": "s"}));
    created["roleRef"]["name"] = "b".into();
    let refused = put(&server, &format!("{bindings}/x"), created).await.expect(422);
    assert!(refused["message"].as_str().unwrap().contains("cannot change roleRef"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn au3_reviews_answer_what_the_authoriser_would() {
    let server = rbac();
    let reviews = "/apis/authorization.k8s.io/v1";
    grant(&server, Some("default"), "pods", json!([rule(&["get", "list"], &[""], &["pods"])])).await;
    let bob = server.as_user("bob");
    let spec = |verb: &str, namespace: &str| json!({"resourceAttributes": {"verb": verb, "resource": "pods", "namespace": namespace}});
    for (verb, namespace, allowed) in [
        ("list", "default", true),
        ("list", "", false),
        ("delete", "default", false),
        ("list", "other", false),
    ] {
        let path = format!("{reviews}/selfsubjectaccessreviews");
        let mine = call(&bob, "POST", &path, json!({"spec": spec(verb, namespace)})).await.expect(201);
        assert_eq!(mine["status"]["allowed"], allowed, "{verb} {namespace}");
        let mut asked = spec(verb, namespace);
        asked["user"] = "bob".into();
        let path = format!("{reviews}/subjectaccessreviews");
        let his = post(&server, &path, json!({"spec": asked.clone()})).await.expect(201);
        assert_eq!(his["status"], mine["status"]);
        call(&bob, "POST", &path, json!({"spec": asked})).await.expect(403);
    }
    let local = format!("{reviews}/namespaces/default/localsubjectaccessreviews");
    let mut asked = spec("get", "default");
    asked["user"] = "bob".into();
    let answer = post(&server, &local, json!({"spec": asked})).await.expect(201);
    assert_eq!(
        answer["status"],
        json!({"allowed": true,
            "reason": "RBAC: allowed by RoleBinding \"pods/default\" of Role \"pods\" to User \"bob\""})
    );
    asked["resourceAttributes"]["namespace"] = "other".into();
    post(&server, &local, json!({"spec": asked})).await.expect(400);
    let path = format!("{reviews}/subjectaccessreviews");
    post(&server, &path, json!({"spec": spec("get", "default")})).await.expect(422);
    let rules = format!("{reviews}/selfsubjectrulesreviews");
    let answer = call(&bob, "POST", &rules, json!({"spec": {"namespace": "default"}})).await.expect(201);
    let found = answer["status"]["resourceRules"].as_array().unwrap();
    assert!(found.contains(&rule(&["get", "list"], &[""], &["pods"])), "{found:?}");
    assert!(!answer["status"]["nonResourceRules"].as_array().unwrap().is_empty());
    call(&bob, "POST", &rules, json!({"spec": {}})).await.expect(400);
}

#[tokio::test(start_paused = true)]
async fn au3_a_review_tells_whose_a_token_is() {
    let server = builder().tokens([("t", User::new("ann").with_group("dev"))]).build();
    let path = "/apis/authentication.k8s.io/v1/tokenreviews";
    let known = post(&server, path, json!({"spec": {"token": "t"}})).await.expect(201);
    assert_eq!(
        known["status"],
        json!({"authenticated": true, "user": {"username": "ann", "groups": ["dev", "system:authenticated"]},
            "audiences": ["https://kubernetes.default.svc.cluster.local"]})
    );
    let elsewhere = json!({"spec": {"token": "t", "audiences": ["vault"]}});
    let elsewhere = post(&server, path, elsewhere).await.expect(201);
    assert_eq!(elsewhere["status"]["authenticated"], Value::Null);
    let unknown = post(&server, path, json!({"spec": {"token": "x"}})).await.expect(201);
    assert_eq!(unknown["status"], json!({"user": {}, "error": "invalid bearer token"}));
    post(&server, path, json!({"spec": {}})).await.expect(400);
}
