//! The bucket operator as a process, between `pilothouse apiserver`, a provider on loopback and a ledger in SQLite,
//! with the command that shows and replays its dead letters.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bucket_operator::{Bucket, BucketSpec, outside_name};
use http_body_util::{BodyExt as _, Collected, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use kube::CustomResourceExt as _;
use kube::config::{KubeConfigOptions, Kubeconfig};
use pilothouse::{Client, ClientOptions, DeleteOptions, Environment, Metrics, ObjectKey};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// Long enough for a busy machine; a quiet one needs a second.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the provider keeps, and the regions that it has.
#[derive(Debug, Default)]
struct Provider {
    buckets: BTreeSet<String>,
    regions: BTreeSet<String>,
}

type Shared = Arc<Mutex<Provider>>;

/// Serves a provider; its address.
async fn serve(provider: Shared) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    Environment::real().spawn("provider", async move {
        while let Ok((stream, _)) = listener.accept().await {
            let provider = Arc::clone(&provider);
            let service = service_fn(move |request| answer(Arc::clone(&provider), request));
            let connection = hyper::server::conn::http1::Builder::new();
            let connection = connection.serve_connection(TokioIo::new(stream), service);
            Environment::real().spawn("connection", async move { drop(connection.await) });
        }
    });
    address
}

async fn answer(provider: Shared, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
    let name = parts.uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    let mut provider = provider.lock().unwrap();
    let (status, answer) = if parts.method == Method::DELETE {
        provider.buckets.remove(&name);
        (404, json!({"state": "gone"}))
    } else {
        let wish: Value = serde_json::from_slice(&body).unwrap_or_default();
        let region = wish["region"].as_str().unwrap_or_default();
        if provider.regions.contains(region) {
            provider.buckets.insert(name);
            (200, json!({"state": "ready"}))
        } else {
            (422, json!({"code": "UnknownRegion", "message": format!("there is no region {region}")}))
        }
    };
    Ok(Response::builder().status(status).body(Full::from(answer.to_string())).unwrap())
}

fn program(name: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_programs"));
    command.arg(name).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// The bucket operator, and the address of its metrics.
async fn start_operator(folder: &Path, provider: &str) -> (Child, String) {
    let mut command = program("bucket-operator");
    command.args(["--provider", provider, "--metrics", "127.0.0.1:0", "--ledger", &ledger(folder)]);
    command.env("KUBECONFIG", folder.join("kubeconfig")).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
    (child, address.expect("it says where it listens"))
}

fn ledger(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("ledger.sqlite").display())
}

/// `pilothouse deadletters ARGUMENTS -o json`.
async fn deadletters(arguments: &[&str]) -> Value {
    let mut command = program("pilothouse");
    let output = command.arg("deadletters").args(arguments).args(["-o", "json"]).output().await.unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Waits until `check` holds.
async fn until(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !check().await {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// `pilothouse apiserver`, and a client of it.
async fn start_cluster(folder: &Path) -> (Child, Client) {
    let file = folder.join("kubeconfig");
    let mut command = program("pilothouse");
    command.arg("apiserver").arg("--kubeconfig-out").arg(&file).stdout(Stdio::null());
    let child = command.spawn().unwrap();
    until("the kubeconfig", async || Kubeconfig::read_from(&file).is_ok()).await;
    let config = Kubeconfig::read_from(&file).unwrap();
    let config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap();
    let (environment, metrics) = (Environment::real(), Metrics::new());
    let client = Client::from_config(config, ClientOptions::unlimited(), &environment, &metrics).unwrap();
    (child, client)
}

async fn create(client: &Client, name: &str, region: &str) -> Bucket {
    let mut bucket = Bucket::new(name, BucketSpec { region: region.into(), policy: None });
    bucket.metadata.namespace = Some("default".into());
    client.create(&bucket).await.unwrap()
}

async fn is_ready(client: &Client, name: &str) -> bool {
    let bucket = client.get::<Bucket>(&ObjectKey::new("default", name)).await.unwrap();
    let conditions = bucket.status.map(|status| status.conditions).unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bucket_operator_keeps_dead_letters_over_a_kill_and_the_command_replays_them() {
    let folder = tempfile::tempdir().unwrap();
    let regions = BTreeSet::from(["north".to_owned()]);
    let provider = Shared::new(Mutex::new(Provider { regions, ..Provider::default() }));
    let address = serve(Arc::clone(&provider)).await;
    let (_cluster, client) = start_cluster(folder.path()).await;
    client.create(&Bucket::crd()).await.unwrap();
    let (mut operator, manager) = start_operator(folder.path(), &address).await;
    let photos = create(&client, "photos", "north").await;
    let music = create(&client, "music", "nowhere").await;
    until("photos", async || is_ready(&client, "photos").await).await;
    let mut listed = Value::Null;
    until("the dead letter", async || {
        listed = deadletters(&["--manager", &manager, "list"]).await;
        listed["items"].as_array().is_some_and(|items| items.len() == 1)
    })
    .await;
    assert_eq!(listed["items"][0]["reason"], "UnknownRegion", "{listed}");

    operator.kill().await.unwrap();
    let shown = deadletters(&["--ledger", &ledger(folder.path()), "show", "default/music"]).await;
    assert_eq!(shown["items"][0]["history"][0]["event"], "Parked", "{shown}");
    provider.lock().unwrap().regions.insert("nowhere".into());
    let (mut operator, manager) = start_operator(folder.path(), &address).await;
    until("the ledger read", async || {
        let listed = deadletters(&["--manager", &manager, "list"]).await;
        listed["items"].as_array().is_some_and(|items| items.len() == 1)
    })
    .await;
    assert_eq!(provider.lock().unwrap().buckets, BTreeSet::from([outside_name(&photos)]), "not by itself");
    let replayed = deadletters(&["--manager", &manager, "replay", "default/music", "--by", "ann"]).await;
    assert_eq!(replayed["count"], 1);
    until("music", async || is_ready(&client, "music").await).await;
    let listed = deadletters(&["--manager", &manager, "list"]).await;
    assert_eq!(listed["items"], json!([]));

    client.delete::<Bucket>(&ObjectKey::new("default", "photos"), &DeleteOptions::default()).await.unwrap();
    let gone = async || client.get::<Bucket>(&ObjectKey::new("default", "photos")).await.is_err();
    until("photos gone", gone).await;
    assert_eq!(provider.lock().unwrap().buckets, BTreeSet::from([outside_name(&music)]));
    let process = operator.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &process]).status().await.unwrap().success());
    let end = timeout(PATIENCE, operator.wait()).await.expect("ends").unwrap();
    assert!(end.success(), "{end}");
}
