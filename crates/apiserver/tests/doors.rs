//! The two doors: HTTP on a socket of this machine, and requests in process.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams, PostParams, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use pilothouse_apiserver::{ApiServer, ServeOptions, TlsIdentity, kubeconfig};
use pilothouse_machinery::Environment;
use serde_json::json;
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

async fn client(url: &str, token: Option<&str>) -> kube::Client {
    let file = Kubeconfig::from_yaml(&kubeconfig(url, token, None)).unwrap();
    let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
    kube::Client::try_from(config).unwrap()
}

fn real() -> ApiServer {
    ApiServer::builder().environment(Environment::seeded(1)).build()
}

#[tokio::test]
async fn a_client_works_over_http_with_the_kubeconfig_and_only_with_its_token() {
    let server = real();
    let options = ServeOptions { token: Some("secret".into()), tls: None };
    let handle = server.serve(listener().await, options).unwrap();
    let url = format!("http://{}", handle.local_addr());
    let maps: Api<ConfigMap> = Api::default_namespaced(client(&url, Some("secret")).await);
    let map: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "a"}})).unwrap();
    maps.create(&PostParams::default(), &map).await.unwrap();
    assert_eq!(maps.list(&ListParams::default()).await.unwrap().items.len(), 1);
    for token in [None, Some("wrong")] {
        let maps: Api<ConfigMap> = Api::default_namespaced(client(&url, token).await);
        let refused = maps.get("a").await.unwrap_err();
        assert!(matches!(refused, kube::Error::Api(status) if status.code == 401));
    }
    handle.shutdown().await;
    assert!(maps.get("a").await.is_err());
}

#[tokio::test]
async fn au1_a_path_is_open_by_its_whole_name_and_a_review_knows_the_token_of_its_door() {
    let server = real();
    let options = ServeOptions { token: Some("secret".into()), tls: None };
    let handle = server.serve(listener().await, options).unwrap();
    let url = format!("http://{}", handle.local_addr());
    let nobody = client(&url, None).await;
    for (path, expected) in [
        ("/version", None),
        ("/livez/ping", None),
        ("/versionx", Some(401)),
        ("/healthz-of-others", Some(401)),
        ("/api", Some(401)),
    ] {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        match (nobody.request_text(request).await, expected) {
            (Err(kube::Error::Api(status)), Some(code)) => assert_eq!(status.code, code, "{path}"),
            (Err(kube::Error::Api(status)), None) => assert_ne!(status.code, 401, "{path}"),
            (answer, expected) => assert!(answer.is_ok() && expected.is_none(), "{path}: {answer:?}"),
        }
    }
    let administrator = client(&url, Some("secret")).await;
    for (token, known) in [("secret", true), ("Secret", false)] {
        let review = json!({"spec": {"token": token}}).to_string().into_bytes();
        let request = http::Request::post("/apis/authentication.k8s.io/v1/tokenreviews")
            .header("content-type", "application/json");
        let answer: serde_json::Value = administrator.request(request.body(review).unwrap()).await.unwrap();
        assert_eq!(answer["status"]["authenticated"] == true, known, "{answer}");
        assert_eq!(answer["status"]["user"]["username"] == "admin", known, "{answer}");
    }
    handle.shutdown().await;
}

#[tokio::test]
async fn stopping_ends_watches_and_the_objects_are_there_behind_the_next_listener() {
    let server = real();
    let handle = server.serve(listener().await, ServeOptions::default()).unwrap();
    let maps: Api<ConfigMap> =
        Api::default_namespaced(client(&format!("http://{}", handle.local_addr()), None).await);
    let map: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "a"}})).unwrap();
    let watch = maps.watch(&WatchParams::default(), "0").await.unwrap();
    let mut watch = std::pin::pin!(watch);
    maps.create(&PostParams::default(), &map).await.unwrap();
    assert!(watch.next().await.unwrap().is_ok());
    tokio::time::timeout(Duration::from_secs(1), handle.shutdown()).await.unwrap();
    assert!(watch.next().await.is_none_or(|event| event.is_err()));
    let handle = server.serve(listener().await, ServeOptions::default()).unwrap();
    let maps: Api<ConfigMap> =
        Api::default_namespaced(client(&format!("http://{}", handle.local_addr()), None).await);
    assert_eq!(maps.get("a").await.unwrap().metadata.name.as_deref(), Some("a"));
    handle.shutdown().await;
}

#[tokio::test]
async fn the_headers_of_a_watch_come_before_any_event() {
    let server = real();
    let handle = server.serve(listener().await, ServeOptions::default()).unwrap();
    let mut socket = TcpStream::connect(handle.local_addr()).await.unwrap();
    let request = format!("GET {MAPS}?watch=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    while !seen.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut bytes = [0; 1024];
        let read = tokio::time::timeout(Duration::from_secs(5), socket.read(&mut bytes)).await;
        seen.extend_from_slice(&bytes[..read.expect("headers within five seconds").unwrap()]);
    }
    let text = String::from_utf8(seen).unwrap().to_lowercase();
    assert!(text.starts_with("http/1.1 200 ok"), "{text}");
    assert!(text.contains("transfer-encoding: chunked") && text.contains("content-type: application/json"));
    drop(socket);
    handle.shutdown().await;
}

#[tokio::test]
async fn an_unreachable_server_closes_connections_without_an_answer() {
    let server = real();
    let handle = server.serve(listener().await, ServeOptions::default()).unwrap();
    let maps: Api<ConfigMap> =
        Api::default_namespaced(client(&format!("http://{}", handle.local_addr()), None).await);
    assert!(maps.list(&ListParams::default()).await.is_ok());
    server.set_available(false);
    let error = maps.list(&ListParams::default()).await.unwrap_err();
    assert!(!matches!(error, kube::Error::Api(_)), "{error}");
    server.set_available(true);
    assert!(maps.list(&ListParams::default()).await.is_ok());
    handle.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn the_log_tells_every_request_in_order() {
    let epoch = Timestamp::UNIX_EPOCH;
    let server = builder().environment(Environment::simulated(1, epoch)).tokens([("t", "ann")]).build();
    let mut unknown = request("GET", MAPS, "", "");
    unknown.headers_mut().insert("authorization", "Bearer u".parse().unwrap());
    send(&server, unknown).await.expect(401);
    get(&server, "/healthz").await.expect(200);
    let mut create = request("POST", MAPS, "application/json", map("a").to_string());
    create.headers_mut().insert("authorization", "Bearer t".parse().unwrap());
    send(&server, create).await.expect(201);
    let mut list = request("GET", &format!("{MAPS}?limit=5"), "", "");
    list.headers_mut().insert("authorization", "Bearer t".parse().unwrap());
    send(&server, list).await.expect(200);
    let log = server.request_log();
    let line = |record: &pilothouse_apiserver::RequestRecord| {
        format!("{} {} {} {:?}", record.user, record.verb, record.user_agent, record.code)
    };
    let lines: Vec<_> = log.iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "system:anonymous list tests/1.0 Some(401)",
            "admin get  Some(200)",
            "ann create tests/1.0 Some(201)",
            "ann list tests/1.0 Some(200)"
        ]
    );
    assert_eq!((log[3].path.as_str(), log[3].query.as_str()), (MAPS, "limit=5"));
    let resource = |record: &pilothouse_apiserver::RequestRecord| {
        let (group, name) = (&record.group, &record.name);
        format!("{group}/{} {} {}/{name}", record.version, record.resource, record.namespace)
    };
    assert_eq!(resource(&log[1]), "/  /");
    assert_eq!(resource(&log[2]), "/v1 configmaps default/");
    server.clear_request_log();
    assert!(server.request_log().is_empty());
}

#[tokio::test(start_paused = true)]
async fn two_servers_of_one_seed_answer_the_same_to_the_byte() {
    let run = async || {
        let server = server();
        let mut answers = Vec::new();
        for index in 0..5 {
            answers.push(post(&server, MAPS, json!({"metadata": {"generateName": "m-"}})).await.body);
            answers.push(post(&server, PODS, pod(&format!("p{index}"), None)).await.body);
            tokio::time::advance(Duration::from_millis(700)).await;
        }
        answers.push(get(&server, MAPS).await.body);
        serde_json::to_string(&answers).unwrap()
    };
    assert_eq!(run().await, run().await);
}

#[test]
fn debug_output_keeps_tokens_to_itself() {
    let options = ServeOptions { token: Some("secret".into()), tls: None };
    let builder = ApiServer::builder().tokens([("secret", "ann")]);
    let text = format!("{options:?} {builder:?}");
    assert!(text.contains("token") && !text.contains("secret"), "{text}");
}

#[tokio::test]
async fn stopping_does_not_wait_for_who_never_says_hello() {
    let server = real();
    let options = ServeOptions { token: None, tls: Some(TlsIdentity::generate().unwrap()) };
    let handle = server.serve(listener().await, options).unwrap();
    let mut silent = TcpStream::connect(handle.local_addr()).await.unwrap();
    silent.write_all(&[22]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    tokio::time::timeout(Duration::from_secs(1), handle.shutdown()).await.unwrap();
}

#[tokio::test]
async fn a_watch_that_opens_while_the_server_goes_ends_as_well() {
    let server = server();
    post(&server, MAPS, map("a")).await.expect(201);
    let (send_body, body) = tokio::sync::oneshot::channel::<()>();
    let body = futures::stream::once(async move {
        body.await.unwrap();
        Ok::<_, std::io::Error>(http_body::Frame::data(bytes::Bytes::new()))
    });
    let request = http::Request::builder().uri(format!("{MAPS}?watch=1&resourceVersion=1001"));
    let request = request.body(http_body_util::StreamBody::new(Box::pin(body))).unwrap();
    let mut opening = Box::pin(tower::ServiceExt::oneshot(server.clone(), request));
    assert!(futures::poll!(opening.as_mut()).is_pending());
    server.set_available(false);
    send_body.send(()).unwrap();
    let mut watch = opening.await.unwrap().into_body();
    let next = http_body_util::BodyExt::frame(&mut watch);
    let next = tokio::time::timeout(Duration::from_secs(1), next).await.unwrap();
    assert!(next.is_none(), "the watch outlives the connection");
}
