//! The operator as a process of its own, with the rights of its manifest and a zone in a file. The only test of the
//! example with sockets and real time.
#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use kube::CustomResourceExt;
use pilothouse::{Client, ClientOptions, DeleteOptions, Environment, Metrics, ObjectKey};
use pilothouse_apiserver::{ApiServer, Authorization, ServeOptions, User, kubeconfig};
use records_operator::{Record, RecordSpec};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// Long enough for a busy machine; a quiet one needs a second.
const PATIENCE: Duration = Duration::from_mins(1);

const RECORDS: usize = 40;

fn start_operator(folder: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_records-operator"))
        .args(["--metrics", "127.0.0.1:0", "--zone-file"])
        .arg(folder.join("zone"))
        .env_clear()
        .env("KUBECONFIG", folder.join("kubeconfig"))
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the operator starts")
}

async fn until_lines(folder: &Path, wanted: usize) -> String {
    let start = Instant::now();
    loop {
        let text = std::fs::read_to_string(folder.join("zone")).unwrap_or_default();
        if text.lines().count() == wanted {
            return text;
        }
        assert!(start.elapsed() < PATIENCE, "{text} instead of {wanted} lines");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn create(client: &Client, number: usize) {
    let spec = RecordSpec { name: format!("host-{number}"), address: "192.0.2.1".into() };
    let mut record = Record::new(&format!("r{number}"), spec);
    record.metadata.namespace = Some("default".into());
    client.create(&record).await.expect("created");
}

#[tokio::test]
async fn the_process_writes_the_zone_file_and_goes_on_with_it_after_a_restart() {
    let environment = Environment::real();
    let user = User::service_account("records-system", "records-operator");
    let server = ApiServer::builder()
        .environment(environment.clone())
        .authorization(Authorization::Rbac)
        .tokens([("secret", user)])
        .build();
    let inner = kube::Client::new(server.clone(), "default");
    let client = Client::new(inner, ClientOptions::unlimited(), &environment, &Metrics::new());
    client.create(&Record::crd()).await.unwrap();
    server.install("{apiVersion: v1, kind: Namespace, metadata: {name: records-system}}").unwrap();
    server.install(include_str!("../deploy/rbac.yaml")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let served = server.serve(listener, ServeOptions::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let address = format!("http://{}", served.local_addr());
    std::fs::write(folder.path().join("kubeconfig"), kubeconfig(&address, Some("secret"), None)).unwrap();

    let mut operator = start_operator(folder.path());
    for number in 0..RECORDS {
        create(&client, number).await;
    }
    let text = until_lines(folder.path(), RECORDS).await;
    assert!(text.contains("host-7 IN A 192.0.2.1 ; default/r7\n"), "{text}");
    operator.kill().await.unwrap();
    client.delete::<Record>(&ObjectKey::new("default", "r7"), &DeleteOptions::default()).await.unwrap();
    create(&client, RECORDS).await;
    create(&client, RECORDS + 1).await;
    let mut operator = start_operator(folder.path());
    let text = until_lines(folder.path(), RECORDS + 1).await;
    assert!(!text.contains("host-7 "), "{text}");

    let process = operator.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &process]).status().await.unwrap().success());
    let end = timeout(PATIENCE, operator.wait()).await.expect("ends").unwrap();
    assert!(end.success(), "{end}");
    served.shutdown().await;
}
