//! The operator as a process of its own, with the rights of its manifest: it finds the cluster by its kubeconfig,
//! outlives a restart of the API server and ends in order on SIGTERM. The only test of the example with sockets and
//! real time.
#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::CustomResourceExt;
use pilothouse::{Client, ClientOptions, Environment, Metrics, ObjectKey, Patch};
use pilothouse_apiserver::{ApiServer, Authorization, ServeOptions, ServerHandle, User, kubeconfig};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};
use website_operator::{Website, WebsiteSpec};

/// Long enough for a busy machine; a quiet one needs a second.
const PATIENCE: Duration = Duration::from_mins(1);

fn shop() -> ObjectKey {
    ObjectKey::new("default", "shop")
}

async fn serve(server: &ApiServer, address: &str) -> ServerHandle {
    let listener = TcpListener::bind(address).await.expect("the address is free");
    server.serve(listener, ServeOptions::default()).expect("served")
}

fn start_operator(kubeconfig: &PathBuf) -> Child {
    Command::new(env!("CARGO_BIN_EXE_website-operator"))
        .args(["--metrics", "127.0.0.1:0", "--leader-elect"])
        .env_clear()
        .env("KUBECONFIG", kubeconfig)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the operator starts")
}

async fn until_replicas(client: &Client, wanted: i32) {
    let start = Instant::now();
    loop {
        let deployment = client.get::<Deployment>(&shop()).await.ok();
        let replicas = deployment.and_then(|deployment| deployment.spec?.replicas);
        if replicas == Some(wanted) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{replicas:?} replicas instead of {wanted}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_process_outlives_a_restart_of_the_server_and_ends_in_order_on_sigterm() {
    let environment = Environment::real();
    let user = User::service_account("website-system", "website-operator");
    let server = ApiServer::builder()
        .environment(environment.clone())
        .authorization(Authorization::Rbac)
        .tokens([("secret", user)])
        .build();
    let inner = kube::Client::new(server.clone(), "default");
    let client = Client::new(inner, ClientOptions::unlimited(), &environment, &Metrics::new());
    client.create(&Website::crd()).await.unwrap();
    server.install("{apiVersion: v1, kind: Namespace, metadata: {name: website-system}}").unwrap();
    server.install(include_str!("../deploy/rbac.yaml")).unwrap();
    let spec = WebsiteSpec { image: "shop:1".into(), replicas: 2, host: "shop.example".into() };
    client.create(&Website::new("shop", spec)).await.unwrap();

    let served = serve(&server, "127.0.0.1:0").await;
    let address = served.local_addr().to_string();
    let file =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.kubeconfig", environment.random_uuid()));
    std::fs::write(&file, kubeconfig(&format!("http://{address}"), Some("secret"), None)).unwrap();
    let mut operator = start_operator(&file);
    until_replicas(&client, 2).await;

    served.shutdown().await;
    let patch = Patch::Merge(json!({"spec": {"replicas": 3}}));
    client.patch::<Website>(&shop(), &patch).await.unwrap();
    let served = serve(&server, &address).await;
    until_replicas(&client, 3).await;

    let process = operator.id().unwrap().to_string();
    let sent = Command::new("kill").args(["-TERM", &process]).status().await.unwrap();
    assert!(sent.success());
    let end = timeout(PATIENCE, operator.wait()).await.expect("ends").unwrap();
    assert!(end.success(), "{end}");
    served.shutdown().await;
    std::fs::remove_file(&file).unwrap();
}
