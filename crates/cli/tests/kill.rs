//! The logbook, killed again and again while jobs run, records what the API server's own history says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "each test file uses its own part")]
mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use pilothouse::Environment;
use serde_json::{Value, json};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use support::{PATIENCE, Pilothouse};
use tokio::time::{Instant, sleep};

const JOBS: usize = 500;
const KILLS: usize = 20;

/// One version of one object: resource, uid, resource version, and whether it is the deletion.
type Version = (String, String, String, bool);

#[tokio::test(flavor = "multi_thread")]
async fn j2_killed_at_20_random_moments_while_500_jobs_run_it_misses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    let data = folder.path().join("data");
    let arguments = ["apiserver", "--simulate", "--speed", "8", "--history", "10000000", "--kubeconfig-out"];
    let _server = Pilothouse::start(&[&arguments[..], &[kubeconfig.to_str().unwrap()]].concat()).await;
    let client = client(&kubeconfig).await;
    let start = newest_version(&client).await;

    let logbook = ["logbook", "--port", "0", "--kubeconfig", kubeconfig.to_str().unwrap()];
    let logbook = [&logbook[..], &["--data", data.to_str().unwrap()]].concat();
    let mut recorder = Pilothouse::start(&logbook).await;
    wait_until_following(&data).await;
    let environment = Environment::seeded(u64::from(std::process::id()));
    let submitting = environment.spawn("submit", submit(client.clone()));
    for kill in 1..=KILLS {
        let moment = Duration::from_millis(50 + environment.random_u64() % 1500);
        sleep(moment).await;
        recorder.kill().await;
        println!("kill {kill} after {moment:?}");
        recorder = Pilothouse::start(&logbook).await;
    }
    submitting.await.unwrap();
    wait_until_all_jobs_ended(&client).await;
    let expected = history(&client, &start).await;
    let recorded = wait_until_recorded(&data, expected.len()).await;

    let (missing, surplus): (Vec<_>, Vec<_>) =
        (expected.difference(&recorded).collect(), recorded.difference(&expected).collect());
    println!("{} versions in the server's history, {} recorded", expected.len(), recorded.len());
    assert!(missing.is_empty() && surplus.is_empty(), "missing {missing:#?}, surplus {surplus:#?}");
    assert_eq!(
        count(&data, "SELECT count(*) FROM watch_gap").await,
        0,
        "the history was long enough: no gap"
    );
    assert_eq!(count(&data, "SELECT count(*) FROM job").await, i64::try_from(JOBS).unwrap());
    assert_eq!(count(&data, "SELECT count(*) FROM job WHERE state NOT IN ('Succeeded', 'Failed')").await, 0);
}

async fn client(kubeconfig: &Path) -> kube::Client {
    let file = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
    kube::Client::try_from(config).unwrap()
}

async fn get(client: &kube::Client, path: &str) -> String {
    client.request_text(http::Request::get(path).body(Vec::new()).unwrap()).await.unwrap()
}

async fn newest_version(client: &kube::Client) -> String {
    let list: Value = serde_json::from_str(&get(client, "/apis/batch/v1/jobs").await).unwrap();
    list["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
}

async fn submit(client: kube::Client) {
    for number in 0..JOBS {
        let exit_code = if number % 7 == 0 { "1" } else { "0" };
        let job = json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": format!("job-{number}")},
            "spec": {"backoffLimit": 0, "template": {
                "metadata": {"annotations": {
                    "simulation.pilothouse.dev/run-seconds": "4",
                    "simulation.pilothouse.dev/exit-code": exit_code
                }},
                "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox"}]}
            }}
        });
        let request = http::Request::post("/apis/batch/v1/namespaces/default/jobs")
            .header("content-type", "application/json")
            .body(job.to_string().into_bytes())
            .unwrap();
        client.request_text(request).await.unwrap();
        sleep(Duration::from_millis(40)).await;
    }
}

async fn wait_until_all_jobs_ended(client: &kube::Client) {
    let deadline = Instant::now() + 3 * PATIENCE;
    loop {
        let list: Value = serde_json::from_str(&get(client, "/apis/batch/v1/jobs").await).unwrap();
        let items = list["items"].as_array().unwrap();
        let ended = |job: &&Value| {
            let conditions = job["status"]["conditions"].as_array();
            let terminal = |kind: &Value| kind["type"] == "Complete" || kind["type"] == "Failed";
            conditions.is_some_and(|list| list.iter().any(terminal))
        };
        let done = items.iter().filter(ended).count();
        if done == JOBS {
            return;
        }
        assert!(Instant::now() < deadline, "only {done} of {} jobs have ended", items.len());
        sleep(Duration::from_millis(300)).await;
    }
}

/// Every version of jobs and pods since `start`, by the server's own word.
async fn history(client: &kube::Client, start: &str) -> BTreeSet<Version> {
    let mut versions = BTreeSet::new();
    for (resource, path) in [("jobs.batch/v1", "/apis/batch/v1/jobs"), ("pods/v1", "/api/v1/pods")] {
        let watch = format!("{path}?watch=true&resourceVersion={start}&timeoutSeconds=5");
        for line in get(client, &watch).await.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            let kind = event["type"].as_str().unwrap();
            assert!(matches!(kind, "ADDED" | "MODIFIED" | "DELETED"), "{line}");
            let metadata = &event["object"]["metadata"];
            let text = |field: &str| metadata[field].as_str().unwrap().to_owned();
            let version = (resource.to_owned(), text("uid"), text("resourceVersion"), kind == "DELETED");
            assert!(versions.insert(version), "the server said it twice: {line}");
        }
    }
    versions
}

async fn open(data: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(support::database(data)).read_only(true);
    SqlitePool::connect_with(options).await.unwrap()
}

async fn count(data: &Path, query: &'static str) -> i64 {
    sqlx::query(query).fetch_one(&open(data).await).await.unwrap().get(0)
}

/// Waits until both streams have a committed position: what was written before their first list is not observable.
async fn wait_until_following(data: &Path) {
    let deadline = Instant::now() + PATIENCE;
    while count(data, "SELECT count(*) FROM stream").await < 2 {
        assert!(Instant::now() < deadline, "the logbook does not follow jobs and pods");
        sleep(Duration::from_millis(20)).await;
    }
}

/// The versions in the database, once there are `expected` of them or nothing new has come for a while.
async fn wait_until_recorded(data: &Path, expected: usize) -> BTreeSet<Version> {
    let deadline = Instant::now() + PATIENCE;
    let pool = open(data).await;
    loop {
        let query = "SELECT resource, uid, resource_version, event = 'deleted' COLLATE NOCASE FROM revision";
        let rows = sqlx::query(query).fetch_all(&pool).await.unwrap();
        if rows.len() >= expected || Instant::now() > deadline {
            let versions: BTreeSet<Version> = rows
                .iter()
                .map(|row| (row.get(0), row.get(1), row.get(2), row.get::<i64, _>(3) != 0))
                .collect();
            assert_eq!(versions.len(), rows.len(), "a version is recorded twice");
            return versions;
        }
        sleep(Duration::from_millis(200)).await;
    }
}
