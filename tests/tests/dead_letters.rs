//! Ten thousand objects fail in every way; the process is killed; what was given up is what should be, and is replayed
//! and dropped from the command line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use pilothouse::ledger::LedgerRecord;
use pilothouse::{Client, ClientOptions, Environment, Ledger as _, Metrics};
use pilothouse_apiserver::{ApiServer, ServeOptions, kubeconfig};
use pilothouse_ledger::SqlLedger;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

const OBJECTS: usize = 10_000;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// What becomes of an object; by its number. Twenty of which nine are given up: for which reason, after how many attempts.
const WAYS: [(&str, Option<(&str, u64)>); 20] = [
    ("fine", None),
    ("terminal", Some(("BadValue", 1))),
    ("fine", None),
    ("flaky", None),
    ("retryable", Some(("ReconcileFailed", 5))),
    ("fine", None),
    ("terminal", Some(("BadValue", 1))),
    ("conflict", Some(("Conflict", 5))),
    ("fine", None),
    ("terminal", Some(("BadValue", 1))),
    ("flaky", None),
    ("panic", Some(("ReconcilerPanicked", 5))),
    ("fine", None),
    ("retryable", Some(("ReconcileFailed", 5))),
    ("fine", None),
    ("terminal", Some(("BadValue", 1))),
    ("fine", None),
    ("hang", Some(("ReconcileTimeout", 5))),
    ("fine", None),
    ("fine", None),
];

type Parked = BTreeMap<String, (String, u64)>;

fn expected() -> Parked {
    let of = |number: usize| {
        let (reason, attempts) = WAYS[number % WAYS.len()].1?;
        Some((name(number), (reason.to_owned(), attempts)))
    };
    (0..OBJECTS).filter_map(of).collect()
}

fn name(number: usize) -> String {
    format!("object-{number:05}")
}

/// Makes the objects without going through a socket.
async fn create(server: &ApiServer) {
    let inner = kube::Client::new(server.clone(), "default");
    let client = Client::new(inner, ClientOptions::unlimited(), &Environment::real(), &Metrics::new());
    let one = |number: usize| {
        let client = client.clone();
        async move {
            let how = WAYS[number % WAYS.len()].0;
            let mut map = ConfigMap::default();
            map.metadata.name = Some(name(number));
            map.metadata.namespace = Some("default".into());
            map.metadata.labels = Some(BTreeMap::from([("how".into(), how.into())]));
            map.data = Some(BTreeMap::from([("how".into(), how.into())]));
            client.create(&map).await.unwrap();
        }
    };
    futures::stream::iter((0..OBJECTS).map(one)).buffer_unordered(32).for_each(|()| async {}).await;
}

/// A controller in a process of its own; killed when dropped.
struct Process {
    child: Child,
    address: String,
}

impl Process {
    async fn start(folder: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_failures"));
        command.arg("controller").arg("--kubeconfig").arg(folder.join("kubeconfig"));
        command.arg("--ledger").arg(ledger(folder)).args(more);
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
        Self { child, address: address.expect("it says where it listens") }
    }

    /// Ends it without notice (SIGKILL).
    async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// The most memory that it ever had, as the system tells it.
    fn peak_memory(&self) -> String {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap_or_default();
        status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("unknown").to_owned()
    }

    /// `pilothouse deadletters --manager ...`, with JSON as its answer.
    async fn deadletters(&self, arguments: &[&str]) -> Value {
        deadletters(&[&["--manager", &self.address], arguments].concat()).await
    }
}

fn ledger(folder: &Path) -> PathBuf {
    folder.join("ledger.sqlite")
}

async fn deadletters(arguments: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_failures"));
    command.args(["pilothouse", "deadletters"]).args(arguments).args(["-o", "json"]);
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn parked(records: &[LedgerRecord]) -> Parked {
    let one = |record: &LedgerRecord| {
        (record.identity.key.name.to_string(), (record.reason.clone(), record.attempts))
    };
    records.iter().filter(|record| record.is_parked()).map(one).collect()
}

fn listed(answer: &Value) -> Parked {
    let records: Vec<LedgerRecord> = serde_json::from_value(answer["items"].clone()).unwrap();
    parked(&records)
}

/// Waits until the ledger is as wanted.
async fn wait_until(ledger: &SqlLedger, what: &str, is_wanted: impl Fn(&[LedgerRecord]) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let records = ledger.records(None).await.unwrap();
        if is_wanted(&records) {
            return;
        }
        let (all, parked) = (records.len(), parked(&records).len());
        assert!(Instant::now() < deadline, "waited too long for {what}: {all} records, {parked} parked");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d2_d3_d5_d6_what_ten_thousand_objects_that_fail_in_every_way_leave_survives_kills_and_is_replayed() {
    let start = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let server = ApiServer::builder().environment(Environment::real()).build();
    create(&server).await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let handle = server.serve(listener, ServeOptions { token: None, tls: None }).unwrap();
    let file = kubeconfig(&format!("http://{}", handle.local_addr()), None, None);
    std::fs::write(folder.path().join("kubeconfig"), file).unwrap();
    let address = format!("sqlite:{}", ledger(folder.path()).display());
    let ledger = SqlLedger::open(&address).await.unwrap();
    println!("{:?}: {OBJECTS} objects", start.elapsed());

    let first = Process::start(folder.path(), &[]).await;
    let expected = expected();
    wait_until(&ledger, "a third", |records| parked(records).len() > expected.len() / 3).await;
    first.kill().await;
    let before = parked(&ledger.records(None).await.unwrap());
    println!("{:?}: killed with {} of {} parked", start.elapsed(), before.len(), expected.len());
    assert!(before.len() < expected.len(), "the kill came in the midst");

    let second = Process::start(folder.path(), &[]).await;
    // As many as expected and none on its way: what is parked too much, or is not, is seen below.
    wait_until(&ledger, "all", |records| {
        records.len() == expected.len() && records.iter().all(LedgerRecord::is_parked)
    })
    .await;
    let after = parked(&ledger.records(None).await.unwrap());
    assert_same(&after, &expected);
    assert_same(&listed(&second.deadletters(&["list"]).await), &expected);
    println!("{:?}: all parked; {}", start.elapsed(), second.peak_memory());
    second.kill().await;

    let third = Process::start(folder.path(), &["--healed"]).await;
    replay(&third, &ledger, &address, expected).await;
    println!("{:?}: replayed and dropped; {}", start.elapsed(), third.peak_memory());
    third.kill().await;
    handle.shutdown().await;
}

/// Replays one, some and all, and drops some.
async fn replay(process: &Process, ledger: &SqlLedger, address: &str, mut left: Parked) {
    // Once its controller has read the ledger.
    let deadline = Instant::now() + PATIENCE;
    while listed(&process.deadletters(&["list"]).await) != left {
        assert!(Instant::now() < deadline, "what was parked is parked after a restart");
        sleep(Duration::from_millis(50)).await;
    }
    let one = format!("default/{}", name(1));
    let shown = process.deadletters(&["show", &one]).await;
    assert_eq!(shown["items"][0]["history"][0]["event"], "Parked");
    assert_eq!(process.deadletters(&["replay", &one, "--by", "ann"]).await["count"], 1);
    left.remove(&name(1));
    let count = |left: &Parked, reason: &str| left.values().filter(|parked| parked.0 == reason).count();

    let panics = count(&left, "ReconcilerPanicked");
    let replayed = process.deadletters(&["replay", "-l", "how=panic", "--by", "ann"]).await;
    assert_eq!(replayed["count"], panics);
    let hangs = count(&left, "ReconcileTimeout");
    let dropped = process.deadletters(&["drop", "--reason", "ReconcileTimeout", "--by", "ann"]).await;
    assert_eq!(dropped["count"], hangs);
    left.retain(|_, parked| parked.0 != "ReconcilerPanicked" && parked.0 != "ReconcileTimeout");
    wait_until(ledger, "the replays", |records| records.len() == left.len()).await;
    assert_same(&parked(&ledger.records(None).await.unwrap()), &left);

    let conflicts = count(&left, "Conflict");
    let asked = deadletters(&["--ledger", address, "replay", "--reason", "Conflict"]).await;
    assert_eq!((&asked["count"], &asked["done"]), (&conflicts.into(), &false.into()));
    left.retain(|_, parked| parked.0 != "Conflict");
    wait_until(ledger, "what was asked beside the process", |records| records.len() == left.len()).await;

    assert_eq!(process.deadletters(&["replay", "--all"]).await["count"], left.len());
    wait_until(ledger, "all replays", <[LedgerRecord]>::is_empty).await;
    assert_eq!(listed(&process.deadletters(&["list"]).await), Parked::new());
    let shown = deadletters(&["--ledger", address, "list"]).await;
    assert_eq!(listed(&shown), Parked::new());
}

fn assert_same(found: &Parked, expected: &Parked) {
    let differs = |one: &Parked, two: &Parked| {
        let of = |(name, parked): (&String, &(String, u64))| {
            (two.get(name) != Some(parked)).then(|| (name.clone(), parked.clone()))
        };
        one.iter().filter_map(of).collect::<Vec<_>>()
    };
    let (surplus, missing) = (differs(found, expected), differs(expected, found));
    assert!(surplus.is_empty() && missing.is_empty(), "found {surplus:#?}\nexpected {missing:#?}");
}
