//! Runs the `pilothouse` command as a user would, and talks to what it serves.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, sleep, timeout};

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A running `pilothouse`; killed when dropped.
pub(crate) struct Pilothouse {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
    facts: Vec<(String, String)>,
}

impl Pilothouse {
    /// Starts the command and waits until it has said that it is ready.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pilothouse"))
            .args(arguments)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut started = Self { child, output, facts: Vec::new() };
        timeout(PATIENCE, started.read_facts()).await.expect("the command should say that it is ready");
        started
    }

    async fn read_facts(&mut self) {
        while let Some(line) = self.output.next_line().await.unwrap() {
            if let Some((name, value)) = line.strip_prefix("  ").and_then(|line| line.split_once("  ")) {
                self.facts.push((name.trim().to_owned(), value.trim().to_owned()));
            }
            if line == "Ctrl-C stops." {
                return;
            }
        }
        panic!("the command ended before it was ready: {:?}", self.child.wait().await);
    }

    /// A fact that the command printed, as `portal`.
    pub(crate) fn fact(&self, name: &str) -> &str {
        let found = self.facts.iter().find(|(known, _)| known == name);
        &found.unwrap_or_else(|| panic!("no {name:?} in {:?}", self.facts)).1
    }

    /// Kills it without notice (SIGKILL) and waits until it is gone.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to stop as Ctrl-C does; the exit code and how long it took.
    pub(crate) async fn interrupt(mut self) -> (Option<i32>, Duration) {
        let started = Instant::now();
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
        let status = timeout(PATIENCE, self.child.wait()).await.expect("it should stop").unwrap();
        (status.code(), started.elapsed())
    }
}

/// The `kubectl` on the path, if there is one. Where `PILOTHOUSE_REQUIRE_KUBECTL` is set, its absence is a failure.
#[expect(clippy::disallowed_methods, reason = "a test looks for a program as a shell does")]
pub(crate) fn kubectl_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|folder| folder.join("kubectl")).find(|file| file.is_file());
    assert!(
        found.is_some() || std::env::var_os("PILOTHOUSE_REQUIRE_KUBECTL").is_none(),
        "kubectl is required here but is not on the path"
    );
    found
}

/// `kubectl` with a kubeconfig and a discovery cache of its own.
pub(crate) struct Kubectl {
    pub(crate) path: PathBuf,
    pub(crate) kubeconfig: PathBuf,
    pub(crate) cache: PathBuf,
}

impl Kubectl {
    /// Runs it to its end; its standard output.
    pub(crate) async fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new(&self.path)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .arg("--cache-dir")
            .arg(&self.cache)
            .args(arguments)
            .output()
            .await
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "kubectl {arguments:?}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }
}

/// Sends one request; status, `Set-Cookie` and `Location` headers, body.
pub(crate) async fn send(request: http::Request<String>) -> (http::response::Parts, String) {
    let (parts, body) = stream(request).await;
    let bytes = timeout(PATIENCE, body.collect()).await.unwrap().unwrap().to_bytes();
    (parts, String::from_utf8(bytes.to_vec()).unwrap())
}

/// Sends one request; the body as it arrives.
pub(crate) async fn stream(request: http::Request<String>) -> (http::response::Parts, Incoming) {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let request = request.map(|body| Full::new(Bytes::from(body)));
    timeout(PATIENCE, client.request(request)).await.unwrap().unwrap().into_parts()
}

/// Reads a JSON document.
pub(crate) async fn get_json(url: &str) -> Value {
    let (parts, body) = send(http::Request::get(url).body(String::new()).unwrap()).await;
    assert!(parts.status.is_success(), "GET {url}: {} {body}", parts.status);
    serde_json::from_str(&body).unwrap()
}

/// Reads a document until `found` gives a value.
pub(crate) async fn poll<T>(what: &str, url: &str, found: impl Fn(&Value) -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let document = get_json(url).await;
        if let Some(value) = found(&document) {
            return value;
        }
        assert!(Instant::now() < deadline, "waited too long for {what}: {document:#}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Reads a server-sent event stream until its text contains `wanted`; how long that took.
pub(crate) async fn wait_for_event(body: &mut Incoming, wanted: &str, since: Instant) -> Duration {
    let mut text = String::new();
    let read = async {
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame.unwrap().into_data() {
                text.push_str(&String::from_utf8_lossy(&data));
            }
            if text.contains(wanted) {
                return since.elapsed();
            }
        }
        panic!("the stream ended without {wanted:?}");
    };
    timeout(PATIENCE, read).await.unwrap_or_else(|_| panic!("no event with {wanted:?}"))
}

/// The SQLite file of a data folder.
pub(crate) fn database(folder: &Path) -> PathBuf {
    folder.join("logbook.sqlite")
}
