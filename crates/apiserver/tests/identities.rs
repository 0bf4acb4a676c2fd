//! Other ways to be somebody: tokens of service accounts, client certificates, impersonation.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use pilothouse_apiserver::{
    ApiServer, Authorization, Credentials, ServeOptions, TlsIdentity, User, kubeconfig,
};
use serde_json::{Value, json};
use support::{Answer, MAPS, PODS, builder, call, delete, get, pod, post, request, send, send_as};

const ACCOUNTS: &str = "/api/v1/namespaces/default/serviceaccounts";
const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
const WHO: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

async fn with_account() -> ApiServer {
    let server = builder().authorization(Authorization::Rbac).build();
    post(&server, ACCOUNTS, json!({"metadata": {"name": "web"}})).await.expect(201);
    server
}

/// Asks for a token of the account `web`.
async fn token(server: &ApiServer, spec: Value) -> Answer {
    post(server, &format!("{ACCOUNTS}/web/token"), json!({"spec": spec})).await
}

fn text(answer: &Value) -> String {
    answer["status"]["token"].as_str().unwrap().to_owned()
}

/// Who the holder of `token` is; the code of a refusal.
async fn who(server: &ApiServer, token: &str) -> Result<Value, u16> {
    let mut request = request("POST", WHO, "application/json", "{}");
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let answer = send(server, request).await;
    if answer.code == 201 { Ok(answer.body["status"]["userInfo"].clone()) } else { Err(answer.code) }
}

#[tokio::test(start_paused = true)]
async fn au1_a_token_on_request_is_the_accounts_until_it_expires() {
    let server = with_account().await;
    let answer = token(&server, json!({})).await.expect(201);
    assert_eq!(answer["metadata"]["name"], "web");
    assert_eq!(
        answer["spec"],
        json!({"audiences": [ISSUER], "expirationSeconds": 3600, "boundObjectRef": null})
    );
    assert_eq!(answer["status"]["expirationTimestamp"], "2026-01-01T01:00:00Z");
    let token = text(&answer);
    let user = who(&server, &token).await.unwrap();
    assert_eq!(user["username"], "system:serviceaccount:default:web");
    assert_eq!(
        user["groups"],
        json!(["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"])
    );
    let claims: Value =
        serde_json::from_slice(&BASE64.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap();
    let id = format!("JTI={}", claims["jti"].as_str().unwrap());
    assert_eq!(user["extra"], json!({"authentication.kubernetes.io/credential-id": [id]}));
    let account = get(&server, &format!("{ACCOUNTS}/web")).await.expect(200);
    assert_eq!(user["uid"], account["metadata"]["uid"]);
    assert_eq!(
        claims["kubernetes.io"],
        json!({"namespace": "default", "serviceaccount": {"name": "web", "uid": user["uid"]}})
    );
    tokio::time::advance(Duration::from_secs(3599)).await;
    assert!(who(&server, &token).await.is_ok());
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(who(&server, &token).await, Err(401));
}

#[tokio::test(start_paused = true)]
async fn au1_a_token_dies_with_its_account_and_with_the_object_that_it_is_bound_to() {
    let server = with_account().await;
    let mut web = pod("p", None);
    web["spec"]["serviceAccountName"] = "web".into();
    post(&server, PODS, web).await.expect(201);
    post(&server, PODS, pod("other", None)).await.expect(201);
    let bound = |name: &str| json!({"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": name}});
    let plain = text(&token(&server, json!({})).await.expect(201));
    let answer = token(&server, bound("p")).await.expect(201);
    assert_eq!(answer["spec"]["boundObjectRef"]["name"], "p");
    let of_pod = text(&answer);
    let user = who(&server, &of_pod).await.unwrap();
    assert_eq!(user["extra"]["authentication.kubernetes.io/pod-name"], json!(["p"]));
    let refused = token(&server, bound("other")).await.expect(400);
    assert!(refused["message"].as_str().unwrap().contains("different serviceaccount name"), "{refused}");
    token(&server, bound("absent")).await.expect(404);
    let mut wrong = bound("p");
    wrong["boundObjectRef"]["uid"] = "u".into();
    token(&server, wrong).await.expect(409);
    token(&server, json!({"boundObjectRef": {"apiVersion": "v1", "kind": "ConfigMap", "name": "p"}}))
        .await
        .expect(400);
    delete(&server, &format!("{PODS}/p"), json!({"gracePeriodSeconds": 0})).await.expect(200);
    assert_eq!(who(&server, &of_pod).await, Err(401));
    assert!(who(&server, &plain).await.is_ok());
    delete(&server, &format!("{ACCOUNTS}/web"), Value::Null).await.expect(200);
    assert_eq!(who(&server, &plain).await, Err(401));
    // One of the same name is another one.
    post(&server, ACCOUNTS, json!({"metadata": {"name": "web"}})).await.expect(201);
    assert_eq!(who(&server, &plain).await, Err(401));
}

#[tokio::test(start_paused = true)]
async fn au1_a_token_outlives_the_deletion_of_a_kept_pod_by_a_minute() {
    let server = with_account().await;
    let mut web = pod("p", None);
    web["spec"]["serviceAccountName"] = "web".into();
    web["metadata"]["finalizers"] = json!(["example.com/keep"]);
    post(&server, PODS, web).await.expect(201);
    let bound = json!({"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "p"}});
    let of_pod = text(&token(&server, bound).await.expect(201));
    delete(&server, &format!("{PODS}/p"), json!({"gracePeriodSeconds": 0})).await.expect(200);
    assert!(who(&server, &of_pod).await.is_ok());
    tokio::time::advance(Duration::from_mins(1)).await;
    assert!(who(&server, &of_pod).await.is_ok());
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(who(&server, &of_pod).await, Err(401));
}

#[tokio::test(start_paused = true)]
async fn au1_a_token_for_others_does_not_open_the_server_and_a_review_tells_for_whom_it_is() {
    let server = with_account().await;
    let vault = text(&token(&server, json!({"audiences": ["vault", "other"]})).await.expect(201));
    assert_eq!(who(&server, &vault).await, Err(401));
    for (audiences, expected) in [
        (json!([]), Value::Null),
        (json!(["vault"]), json!(["vault"])),
        (json!(["x", "other", "vault"]), json!(["vault", "other"])),
        (json!(["x"]), Value::Null),
    ] {
        let review = json!({"spec": {"token": vault, "audiences": audiences}});
        let status = post(&server, REVIEWS, review).await.expect(201)["status"].clone();
        assert_eq!(status["audiences"], expected);
        assert_eq!(status["authenticated"] == true, !expected.is_null());
    }
}

#[tokio::test(start_paused = true)]
async fn au1_malformed_requests_for_tokens_are_refused_and_each_takes_its_right() {
    let server = with_account().await;
    for (seconds, words) in [
        (599, "may not specify a duration less than 10 minutes"),
        ((1_i64 << 32) + 1, "may not specify a duration larger than 2^32 seconds"),
    ] {
        let refused = token(&server, json!({"expirationSeconds": seconds})).await.expect(422);
        assert!(refused["message"].as_str().unwrap().ends_with(words), "{refused}");
    }
    for spec in [json!("x"), json!([]), json!(1)] {
        let refused = token(&server, spec).await.expect(400);
        assert!(refused["message"].as_str().unwrap().ends_with("spec must be an object"), "{refused}");
    }
    token(&server, Value::Null).await.expect(201);
    let named = json!({"metadata": {"name": "db"}, "spec": {}});
    post(&server, &format!("{ACCOUNTS}/web/token"), named).await.expect(422);
    post(&server, &format!("{ACCOUNTS}/absent/token"), json!({})).await.expect(404);
    get(&server, &format!("{ACCOUNTS}/web/token")).await.expect(405);
    let refused = call(&server.as_user("bob"), "POST", &format!("{ACCOUNTS}/web/token"), json!({})).await;
    let refused = refused.expect(403);
    assert!(
        refused["message"].as_str().unwrap().contains("cannot create resource \"serviceaccounts/token\""),
        "{refused}"
    );
}

#[tokio::test(start_paused = true)]
async fn au1_others_can_check_a_token_with_the_published_key() {
    let server = with_account().await;
    let token = text(&token(&server, json!({})).await.expect(201));
    let account = server.as_user(User::service_account("default", "web"));
    let configuration =
        call(&account, "GET", "/.well-known/openid-configuration", Value::Null).await.expect(200);
    assert_eq!(configuration["issuer"], ISSUER);
    let keys = call(&account, "GET", "/openid/v1/jwks", Value::Null).await;
    assert_eq!(keys.headers["content-type"], "application/jwk-set+json");
    let key = &keys.body["keys"][0];
    let coordinate = |name: &str| BASE64.decode(key[name].as_str().unwrap()).unwrap();
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    let (said, signature) = token.rsplit_once('.').unwrap();
    let public = ring::signature::UnparsedPublicKey::new(&ring::signature::ECDSA_P256_SHA256_FIXED, point);
    public.verify(said.as_bytes(), &BASE64.decode(signature).unwrap()).unwrap();
    call(&server.as_user("bob"), "GET", "/openid/v1/jwks", Value::Null).await.expect(403);
}

#[tokio::test]
async fn au1_a_client_certificate_is_its_users_and_one_of_another_authority_nobodys() {
    let server = ApiServer::builder().authorization(Authorization::Rbac).build();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (tls, other) = (TlsIdentity::generate().unwrap(), TlsIdentity::generate().unwrap());
    let options = ServeOptions { token: Some("secret".into()), tls: Some(tls.clone()) };
    let handle = server.serve(listener, options).unwrap();
    let url = format!("https://{}", handle.local_addr());
    let ann = User::new("änn").with_group("dev").with_group("ops");
    let long = User::new("n".repeat(300)).with_group("system:masters");
    let me = async |credentials: Credentials<'_>| {
        let file = kubeconfig(&url, credentials, Some(tls.certificate_authority()));
        let file = kube::config::Kubeconfig::from_yaml(&file).unwrap();
        let config = kube::Config::from_custom_kubeconfig(file, &Default::default()).await.unwrap();
        let client = kube::Client::try_from(config).unwrap();
        let request =
            Request::post(WHO).header("content-type", "application/json").body(b"{}".to_vec()).unwrap();
        client.request::<Value>(request).await.map(|review| review["status"]["userInfo"].clone())
    };
    let user = me((&tls.issue(&ann).unwrap()).into()).await.unwrap();
    assert_eq!(
        (&user["username"], &user["groups"]),
        (&json!("änn"), &json!(["dev", "ops", "system:authenticated"]))
    );
    let id = user["extra"]["authentication.kubernetes.io/credential-id"][0].as_str().unwrap();
    assert_eq!((&id[..11], id.len()), ("X509SHA256=", 75));
    assert_eq!(me((&tls.issue(&long).unwrap()).into()).await.unwrap()["username"], *long.name());
    assert_eq!(me(Some("secret").into()).await.unwrap()["username"], "admin");
    assert!(matches!(me(Credentials::Anonymous).await, Err(kube::Error::Api(status)) if status.code == 403));
    assert!(me((&other.issue(&long).unwrap()).into()).await.is_err());
    handle.shutdown().await;
}

fn in_name_of(headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let mut request = request("POST", WHO, "application/json", "{}");
    for (name, value) in headers {
        let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
        request.headers_mut().append(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
    }
    request
}

#[tokio::test(start_paused = true)]
async fn au1_impersonation_makes_the_user_that_its_headers_say() {
    let server = with_account().await;
    for (headers, expected) in [
        (&[("Impersonate-User", "bob")][..], json!({"username": "bob", "groups": ["system:authenticated"]})),
        (
            &[
                ("Impersonate-User", "bob"),
                ("Impersonate-Group", "dev"),
                ("Impersonate-Group", "ops"),
                ("Impersonate-Uid", "u1"),
                ("Impersonate-Extra-example.com%2Fteam", "blue"),
            ],
            json!({"username": "bob", "uid": "u1", "groups": ["dev", "ops", "system:authenticated"],
                "extra": {"example.com/team": ["blue"]}}),
        ),
        (
            &[("Impersonate-User", "system:serviceaccount:default:web")],
            json!({"username": "system:serviceaccount:default:web",
                "groups": ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"]}),
        ),
    ] {
        let answer = send(&server, in_name_of(headers)).await.expect(201);
        assert_eq!(answer["status"]["userInfo"], expected);
    }
    send(&server, in_name_of(&[("Impersonate-User", "system:anonymous")])).await.expect(403);
    send(&server, in_name_of(&[("Impersonate-Group", "dev")])).await.expect(500);
    let records = server.request_log();
    let last = &records[records.len() - 3];
    assert_eq!((&*last.user, &*last.impersonator), ("system:serviceaccount:default:web", "admin"));
}

#[tokio::test(start_paused = true)]
async fn au1_headers_that_say_who_asks_are_never_passed_over() {
    let server = with_account().await;
    let answer = send(&server, in_name_of(&[("Impersonate-User", "jörg")])).await.expect(201);
    assert_eq!(answer["status"]["userInfo"]["username"], "jörg");
    for name in ["Impersonate-User", "Impersonate-Group", "Impersonate-Uid", "Impersonate-Extra-Team"] {
        let mut request = in_name_of(&[("Impersonate-Group", "dev")]);
        let value = http::HeaderValue::from_bytes(b"j\xf6rg").unwrap();
        request.headers_mut().append(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
        let refused = send(&server, request).await.expect(400);
        assert!(refused["message"].as_str().unwrap().contains("is not UTF-8"), "{name}: {refused}");
    }
    let mut request = in_name_of(&[]);
    let value = http::HeaderValue::from_bytes(b"Bearer \xff").unwrap();
    request.headers_mut().insert("authorization", value);
    send(&server, request).await.expect(401);
}

#[tokio::test(start_paused = true)]
async fn au1_impersonation_takes_the_right_to_each_thing_said() {
    let server = with_account().await;
    let rule = |groups: &str, resources: &[&str], names: &[&str]| json!({"verbs": ["impersonate"], "apiGroups": [groups], "resources": resources, "resourceNames": names});
    let rules = json!([
        rule("", &["users"], &["bob"]),
        rule("", &["groups"], &["dev"]),
        rule("", &["serviceaccounts"], &["web"]),
        rule("authentication.k8s.io", &["userextras/team"], &["blue"]),
        rule("authentication.k8s.io", &["uids"], &["u1"]),
    ]);
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    post(&server, &format!("{rbac}/clusterroles"), json!({"metadata": {"name": "r"}, "rules": rules}))
        .await
        .expect(201);
    let binding = json!({"metadata": {"name": "r"}, "roleRef": {"kind": "ClusterRole", "name": "r"},
        "subjects": [{"kind": "User", "name": "ann"}]});
    post(&server, &format!("{rbac}/clusterrolebindings"), binding).await.expect(201);
    let ann = server.as_user("ann");
    let bob = ("Impersonate-User", "bob");
    for (headers, refused) in [
        (&[bob][..], None),
        (
            &[("Impersonate-User", "eve")],
            Some("impersonate resource \"users\" in API group \"\" at the cluster"),
        ),
        (&[bob, ("Impersonate-Group", "dev")], None),
        (
            &[bob, ("Impersonate-Group", "dev"), ("Impersonate-Group", "ops")],
            Some("groups \"ops\" is forbidden"),
        ),
        (&[bob, ("Impersonate-Extra-Team", "blue")], None),
        (&[bob, ("Impersonate-Extra-Team", "red")], Some("resource \"userextras/team\" in API group")),
        (&[bob, ("Impersonate-Uid", "u1")], None),
        (&[bob, ("Impersonate-Uid", "u2")], Some("uids.authentication.k8s.io \"u2\" is forbidden")),
        (&[("Impersonate-User", "system:serviceaccount:default:web")], None),
        (
            &[("Impersonate-User", "system:serviceaccount:default:db")],
            Some("impersonate resource \"serviceaccounts\" in API group \"\" in the namespace \"default\""),
        ),
    ] {
        let answer = send_as(&ann, in_name_of(headers)).await;
        match refused {
            None => _ = answer.expect(201),
            Some(words) => {
                let refused = answer.expect(403);
                assert!(refused["message"].as_str().unwrap().contains(words), "{refused}");
            }
        }
    }
    // Who is impersonated has the rights of their own, no others.
    let mut list = Request::get(MAPS).body(Full::<Bytes>::default()).unwrap();
    list.headers_mut().insert("impersonate-user", "bob".parse().unwrap());
    let refused = send_as(&ann, list).await.expect(403);
    assert!(refused["message"].as_str().unwrap().contains("User \"bob\" cannot list"), "{refused}");
}
