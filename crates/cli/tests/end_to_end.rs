//! The whole product as a user meets it: `pilothouse demo`, `kubectl`, the portal, the SQLite file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "each test file uses its own part")]
mod support;

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use support::{Kubectl, Pilothouse, get_json, kubectl_path, poll, send, stream, wait_for_event};
use tokio::time::Instant;

struct Demo {
    _folder: tempfile::TempDir,
    data: std::path::PathBuf,
    portal: String,
    process: Pilothouse,
}

/// A job that fails for good at its first failure.
const BROKEN: &str = "\
apiVersion: batch/v1
kind: Job
metadata:
  name: broken
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
      - name: main
        image: busybox
        command: [sh, -c, 'exit 3']
";

async fn demo() -> Demo {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let arguments =
        ["demo", "--no-workload", "--port", "0", "--speed", "3", "--data", data.to_str().unwrap()];
    let process = Pilothouse::start(&arguments).await;
    let portal = process.fact("portal").to_owned();
    Demo { _folder: folder, data, portal, process }
}

impl Demo {
    fn kubectl(&self, path: std::path::PathBuf) -> Kubectl {
        let (kubeconfig, cache) = (self.data.join("kubeconfig"), self.data.join("kubectl-cache"));
        Kubectl { path, kubeconfig, cache }
    }

    /// The row of a job by name, once it is in one of the states.
    async fn job_in(&self, name: &str, states: &[&str]) -> Value {
        let url = format!("{}/api/v1/jobs?name={name}", self.portal);
        poll(&format!("{name} to be {states:?}"), &url, |page| {
            let job = page["items"].as_array()?.iter().find(|job| job["name"] == name)?;
            states.contains(&job["state"].as_str()?).then(|| job.clone())
        })
        .await
    }
}

/// The states that a job went through, in order, read from the SQLite file.
async fn states(data: &Path, name: &str) -> Vec<String> {
    let pool = open(data).await;
    let query =
        "SELECT to_state FROM transition JOIN job ON job.id = job_id WHERE name = ?1 ORDER BY sequence";
    let rows = sqlx::query(query).bind(name.to_owned()).fetch_all(&pool).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn revisions(data: &Path, name: &str) -> i64 {
    let query = "SELECT count(*) FROM revision JOIN job ON job.id = job_id WHERE job.name = ?1 AND job.uid = revision.uid";
    sqlx::query(query).bind(name.to_owned()).fetch_one(&open(data).await).await.unwrap().get(0)
}

async fn open(data: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(support::database(data)).read_only(true);
    SqlitePool::connect_with(options).await.unwrap()
}

/// `wanted` appear in `seen` in this order; others may stand between.
fn assert_in_order(seen: &[String], wanted: &[&str]) {
    let mut rest = seen.iter();
    let all = wanted.iter().all(|state| rest.any(|found| found == state));
    assert!(all, "{wanted:?} should appear in order in {seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_created_with_kubectl_shows_within_a_second_runs_and_is_kept() {
    let Some(path) = kubectl_path() else {
        println!("skipped: no kubectl on the path");
        return;
    };
    let demo = demo().await;
    let kubectl = demo.kubectl(path);
    kubectl.run(&["get", "namespaces"]).await;
    let events = http::Request::get(format!("{}/events", demo.portal)).body(String::new()).unwrap();
    let (parts, mut live) = stream(events).await;
    assert!(parts.status.is_success(), "{parts:?}");

    let before = Instant::now();
    kubectl.run(&["create", "job", "hello", "--image=busybox", "--", "echo", "hi"]).await;
    let returned = before.elapsed();
    let shown = wait_for_event(&mut live, "hello", before).await;
    println!("kubectl returned after {returned:?}; the portal told of the job after {shown:?}");
    assert!(shown < returned + Duration::from_secs(1), "shown {shown:?} after kubectl was started");

    demo.job_in("hello", &["Succeeded"]).await;
    let seen = states(&demo.data, "hello").await;
    assert_in_order(&seen, &["Pending", "Starting", "Running", "Succeeded"]);
    assert!(revisions(&demo.data, "hello").await >= 4, "each version of the job is a revision");

    let manifest = demo.data.join("broken.yaml");
    std::fs::write(&manifest, BROKEN).unwrap();
    kubectl.run(&["create", "-f", manifest.to_str().unwrap()]).await;
    let broken = demo.job_in("broken", &["Failed"]).await;
    assert_eq!(
        (&broken["exitCode"], &broken["reason"]),
        (&3.into(), &"BackoffLimitExceeded".into()),
        "{broken:#}"
    );
    let uid = broken["uid"].as_str().unwrap();
    let request = http::Request::get(format!("{}/jobs/{uid}", demo.portal)).body(String::new()).unwrap();
    let (_, page) = send(request).await;
    assert!(page.contains("exited with code 3 (BackoffLimitExceeded)"), "{page}");

    for arguments in [&["get", "jobs,pods"][..], &["describe", "job", "hello"], &["delete", "job", "hello"]] {
        println!("{}", kubectl.run(arguments).await);
    }
    let (code, took) = demo.process.interrupt().await;
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(10), "stopping took {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_submitted_on_the_portal_runs_and_is_kept() {
    let demo = demo().await;
    let form = http::Request::get(format!("{}/submit", demo.portal)).body(String::new()).unwrap();
    let (parts, page) = send(form).await;
    let cookie = parts.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let token = hidden_field(&page, "token");
    let body = format!(
        "token={token}&namespace=default&name=from-the-portal&image=busybox&command=echo+hi&parallelism=1\
         &completions=1&backoff_limit=0&deadline=&annotations=&intent=create"
    );
    let request = http::Request::post(format!("{}/submit", demo.portal))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("cookie", cookie)
        .header("origin", demo.portal.as_str())
        .body(body)
        .unwrap();
    let (parts, answer) = send(request).await;
    assert_eq!(parts.status, 303, "{answer}");
    demo.job_in("from-the-portal", &["Succeeded"]).await;
    let seen = states(&demo.data, "from-the-portal").await;
    assert_in_order(&seen, &["Pending", "Starting", "Running", "Succeeded"]);
    assert_eq!(
        get_json(&format!("{}/api/v1/jobs?namespace=default", demo.portal)).await["items"][0]["name"],
        "from-the-portal"
    );
}

/// The value of a hidden field in a form.
fn hidden_field(page: &str, name: &str) -> String {
    let start = page.find(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("no field {name}: {page}"));
    let tag = &page[page[..start].rfind('<').unwrap()..];
    let tag = &tag[..tag.find('>').unwrap()];
    tag.split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn au2_with_rbac_the_kubeconfig_is_an_administrators_and_others_need_roles() {
    let Some(path) = kubectl_path() else { return println!("skipped: there is no kubectl on the PATH") };
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    let arguments =
        ["apiserver", "--authorization", "rbac", "--kubeconfig-out", kubeconfig.to_str().unwrap()];
    let process = Pilothouse::start(&arguments).await;
    let kubectl = Kubectl { path, kubeconfig, cache: folder.path().join("kubectl-cache") };
    kubectl.run(&["create", "rolebinding", "ann", "--clusterrole=view", "--user=ann"]).await;
    let asked = [("pods", "yes"), ("secrets", "no")];
    for (resource, expected) in asked {
        let review = format!(
            "{{\"apiVersion\": \"authorization.k8s.io/v1\", \"kind\": \"SubjectAccessReview\", \"spec\": {{\"user\": \
             \"ann\", \"resourceAttributes\": {{\"verb\": \"list\", \"namespace\": \"default\", \"resource\": \
             \"{resource}\"}}}}}}"
        );
        let file = folder.path().join(resource);
        std::fs::write(&file, review).unwrap();
        let template = "-o=go-template={{if .status.allowed}}yes{{else}}no{{end}}";
        let answer = kubectl.run(&["create", template, "-f", file.to_str().unwrap()]).await;
        assert_eq!(answer, expected, "{resource}");
    }
    assert_eq!(process.interrupt().await.0, Some(0));
}
