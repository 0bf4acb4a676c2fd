//! Events: what a controller tells people about an object.

use std::pin::pin;
use std::time::Duration;

use indexmap::IndexMap;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use pilothouse_machinery::Environment;
use prometheus_client::metrics::counter::Counter;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::error::chain;
use super::event_limit::EventLimit;
use crate::{Client, ClientError, Object, ObjectExt, ObjectHeader, ObjectKey, Patch, ResourceType, Shutdown};

/// Whether an event tells of the normal course or of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    /// The normal course.
    Normal,
    /// Trouble.
    Warning,
}

/// An event on its way to the recorder.
#[derive(Debug)]
pub(super) struct EventRecord {
    about: ObjectReference,
    kind: EventType,
    reason: String,
    message: String,
}

impl EventRecord {
    pub(super) fn about<T: Object>(object: &T, kind: EventType, reason: &str, message: String) -> Self {
        let (resource, meta) = (T::resource_type(), object.meta());
        let about = ObjectReference {
            api_version: Some(resource.api_version()),
            kind: Some(resource.kind.into_owned()),
            namespace: meta.namespace.clone(),
            name: meta.name.clone(),
            uid: meta.uid.clone(),
            resource_version: meta.resource_version.clone(),
            field_path: None,
        };
        Self { about, kind, reason: reason.to_owned(), message }
    }

    /// About an object of which only the header was read.
    pub(super) fn about_cached(
        resource: &ResourceType,
        header: &ObjectHeader,
        kind: EventType,
        reason: &str,
        message: String,
    ) -> Self {
        let about = ObjectReference {
            api_version: Some(resource.api_version()),
            kind: Some(resource.kind.clone().into_owned()),
            namespace: header.key.namespace().map(str::to_owned),
            name: Some(header.key.name.to_string()),
            uid: Some(header.uid.to_string()),
            resource_version: Some(header.resource_version.to_string()),
            field_path: None,
        };
        Self { about, kind, reason: reason.to_owned(), message }
    }

    /// What makes two events repetitions of each other.
    fn sameness(&self) -> Sameness {
        let uid = self.about.uid.clone().unwrap_or_default();
        (uid, self.kind, self.reason.clone(), self.message.clone())
    }
}

/// The way to the recorder; never waits.
#[derive(Clone, Debug)]
pub(super) struct EventSender {
    sender: mpsc::Sender<EventRecord>,
    dropped: Counter,
}

impl EventSender {
    pub(super) fn send(&self, event: EventRecord) {
        if self.sender.try_send(event).is_err() {
            self.dropped.inc();
        }
    }
}

type Sameness = (String, EventType, String, String);

#[derive(Debug)]
struct Posted {
    key: ObjectKey,
    count: i32,
    last: Instant,
}

/// Sends events, and counts repetitions up in one Event object.
pub(super) struct EventRecorder {
    client: Client,
    environment: Environment,
    controller: String,
    instance: String,
    posted: IndexMap<Sameness, Posted>,
    limit: EventLimit,
}

/// Events that may wait for the recorder.
const WAITING: usize = 256;
/// Events whose repetitions are recognised.
const REMEMBERED: usize = 1024;
/// How long after an event another one counts as its repetition.
const REPETITION: Duration = Duration::from_mins(10);
/// How much of an object's name the name of its event holds: with a dot and 16 digits, 253 characters at most.
const LONGEST_SUBJECT: usize = 236;
/// How long the events of the last moments may take to send.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl EventRecorder {
    pub(super) fn new(client: Client, environment: Environment, controller: &str, manager: &str) -> Self {
        Self {
            client,
            environment,
            controller: controller.to_owned(),
            instance: manager.to_owned(),
            posted: IndexMap::new(),
            limit: EventLimit::default(),
        }
    }

    /// A sender, and the future that serves it until `shutdown`, when it sends what waits.
    pub(super) fn start(
        mut self,
        dropped: Counter,
        shutdown: Shutdown,
    ) -> (EventSender, impl Future<Output = ()>) {
        let (sender, mut receiver) = mpsc::channel::<EventRecord>(WAITING);
        let counter = dropped.clone();
        let serve = async move {
            // What cannot be sent within a moment is not worth holding up a process that wants to end.
            let mut end = pin!(async {
                shutdown.requested().await;
                tokio::time::sleep(LAST_WORDS).await;
            });
            let mut stopping = pin!(shutdown.requested());
            let mut is_stopping = false;
            loop {
                let event = tokio::select! {
                    biased;
                    () = &mut stopping, if !is_stopping => {
                        is_stopping = true;
                        receiver.close();
                        continue;
                    }
                    event = receiver.recv() => event,
                };
                let Some(event) = event else { return };
                if !self.limit.admit(event.about.uid.as_deref().unwrap_or_default()) {
                    counter.inc();
                    continue;
                }
                tokio::select! {
                    biased;
                    () = &mut end => return,
                    () = self.record(event) => {}
                }
            }
        };
        (EventSender { sender, dropped }, serve)
    }

    async fn record(&mut self, event: EventRecord) {
        let sameness = event.sameness();
        let outcome = match self.posted.get(&sameness).filter(|posted| posted.last.elapsed() < REPETITION) {
            Some(posted) => match self.repeat(&posted.key, posted.count + 1).await {
                Err(error) if error.is_not_found() => self.create(event).await.map(|key| (key, 1)),
                outcome => outcome.map(|key| (key, posted.count + 1)),
            },
            None => self.create(event).await.map(|key| (key, 1)),
        };
        match outcome {
            Ok((key, count)) => {
                if self.posted.len() >= REMEMBERED && !self.posted.contains_key(&sameness) {
                    self.posted.shift_remove_index(0);
                }
                self.posted.insert(sameness, Posted { key, count, last: Instant::now() });
            }
            Err(error) => {
                tracing::debug!(
                    controller = self.controller,
                    error = chain(&error),
                    "event was not recorded"
                );
            }
        }
    }

    async fn create(&self, event: EventRecord) -> Result<ObjectKey, ClientError> {
        let now = Some(Time(self.environment.now()));
        let subject = event.about.name.as_deref().unwrap_or_default();
        let subject = subject.get(..LONGEST_SUBJECT).unwrap_or(subject);
        let event = Event {
            metadata: ObjectMeta {
                name: Some(format!("{subject}.{:016x}", self.environment.random_u64())),
                namespace: Some(event.about.namespace.clone().unwrap_or_else(|| "default".into())),
                ..ObjectMeta::default()
            },
            type_: Some(format!("{:?}", event.kind)),
            reason: Some(event.reason),
            message: Some(event.message),
            source: Some(EventSource { component: Some(self.controller.clone()), host: None }),
            reporting_component: Some(self.controller.clone()),
            reporting_instance: Some(self.instance.clone()),
            involved_object: event.about,
            first_timestamp: now.clone(),
            last_timestamp: now,
            count: Some(1),
            ..Event::default()
        };
        self.client.create(&event).await.map(|created| created.key())
    }

    async fn repeat(&self, key: &ObjectKey, count: i32) -> Result<ObjectKey, ClientError> {
        let now = Time(self.environment.now());
        let patch = Patch::Merge(json!({"count": count, "lastTimestamp": now}));
        self.client.patch::<Event>(key, &patch).await.map(|event| event.key())
    }
}
