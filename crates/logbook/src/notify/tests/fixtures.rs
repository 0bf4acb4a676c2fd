//! A recorder with one job that ends, and a sender that answers by script.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pilothouse::journal::{JournalBatch, JournalEntry, JournalEvent, Provenance};
use pilothouse::{CachedObject, Metrics, ResourceType, Shutdown};
use pilothouse_machinery::Environment;
use serde_json::{Value, json};

use crate::metrics::LogbookMetrics;
use crate::model::{NotificationRow, NotificationState};
use crate::notify::{Destination, Dispatcher, Message, RetrySchedule, SendError, Sender};
use crate::recorder::Recorder;
use crate::store::{Location, Store};

static JOBS: ResourceType = ResourceType::namespaced("batch", "v1", "jobs", "Job");

/// Pauses of a few milliseconds, so that tests wait for events and not for time.
pub(super) const QUICK: RetrySchedule =
    RetrySchedule { first: Duration::from_millis(2), longest: Duration::from_millis(20), tries: 4 };

pub(super) async fn recorder(destinations: &[Destination]) -> Recorder {
    let store = Store::open(&Location::Memory).await.unwrap();
    let metrics = LogbookMetrics::new(&Metrics::new());
    Recorder::open(store, "test", destinations, Environment::seeded(1), metrics).await.unwrap()
}

/// Records versions of jobs: `(name, version, condition)`.
pub(super) async fn record(
    recorder: &Recorder,
    versions: &[(&str, u64, Option<&str>)],
    provenance: Provenance,
) {
    let entries = versions.iter().map(|(name, version, condition)| {
        let condition = condition.map(|kind| json!({"type": kind, "status": "True", "reason": "Said"}));
        let object = json!({
            "metadata": {"namespace": "default", "name": name, "uid": format!("{name}-uid"),
                "resourceVersion": version.to_string(), "creationTimestamp": "2026-01-01T00:00:00Z"},
            "status": {"conditions": condition.into_iter().collect::<Vec<Value>>()},
        });
        let object = CachedObject::from_value(&object, &JOBS).unwrap();
        JournalEntry {
            event: JournalEvent::Modified,
            key: object.key().clone(),
            uid: object.uid().clone(),
            resource_version: object.resource_version().clone(),
            object: Some(Arc::new(object)),
            provenance,
            observed_at: "2026-01-01T00:01:00Z".parse().unwrap(),
        }
    });
    let position = versions.iter().map(|(_, version, _)| *version).max().unwrap_or(0).into();
    let batch = JournalBatch { resource: JOBS.clone(), entries: entries.collect(), position, gap: None };
    recorder.commit(&batch).await.unwrap();
}

/// Answers with the scripted codes in turn (0: no answer), then with 204; remembers what it got.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    pub(super) answers: Arc<Mutex<Vec<u16>>>,
    pub(super) received: Arc<Mutex<Vec<(String, Message)>>>,
}

impl Script {
    pub(super) fn of(codes: &[u16]) -> Self {
        let answers = codes.iter().rev().copied().collect();
        Self { answers: Arc::new(Mutex::new(answers)), ..Self::default() }
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.received.lock().iter().map(|(_, message)| message.id.clone()).collect()
    }
}

impl Sender for Script {
    async fn send(&self, destination: &Destination, message: &Message) -> Result<u16, SendError> {
        self.received.lock().push((destination.name().to_owned(), message.clone()));
        match self.answers.lock().pop().unwrap_or(204) {
            0 => Err(SendError::Unreachable { source: "connection refused".into() }),
            code @ 200..=299 => Ok(code),
            code => Err(SendError::Refused { code, retry_after: None }),
        }
    }
}

/// Runs a dispatcher until every notification of the job is sent or dead, and gives them.
pub(super) async fn dispatch<S: Sender>(
    recorder: &Recorder,
    destinations: &[Destination],
    sender: S,
    job_uid: &str,
) -> Vec<NotificationRow> {
    let shutdown = Shutdown::new();
    let dispatcher = Dispatcher::new(recorder, destinations.to_vec(), sender, QUICK);
    let running = recorder.environment().spawn("dispatcher", dispatcher.run(shutdown.clone()));
    let mut commits = recorder.store().subscribe();
    let job = recorder.store().job_by_uid(job_uid).await.unwrap().unwrap();
    let rows = loop {
        let rows = recorder.store().notifications(job.id).await.unwrap();
        if rows.iter().all(|row| row.state != NotificationState::Pending) {
            break rows;
        }
        commits.changed().await.unwrap();
    };
    shutdown.request();
    running.await.unwrap();
    rows
}
