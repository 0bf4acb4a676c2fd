//! Events about pods, posted beside the scheduling.

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use pilothouse::{Client, Environment, ObjectExt};
use tokio::sync::mpsc;

use crate::pace::stamp;

/// So many events wait; further ones are dropped.
const WAITING: usize = 256;
const COMPONENT: &str = "default-scheduler";

/// Posts events one after the other; scheduling does not wait for it.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    sender: mpsc::Sender<Event>,
    environment: Environment,
}

impl Events {
    /// The sending side, and the work of posting, which ends when the last sender is gone.
    pub(crate) fn new(client: Client, environment: Environment) -> (Self, impl Future<Output = ()>) {
        let (sender, mut receiver) = mpsc::channel::<Event>(WAITING);
        let post = async move {
            while let Some(event) = receiver.recv().await {
                if let Err(error) = client.create(&event).await {
                    tracing::debug!(%error, "cannot record an event");
                }
            }
        };
        (Self { sender, environment }, post)
    }

    /// Records what happened to the pod.
    pub(crate) fn record(&self, pod: &Pod, kind: &str, reason: &str, message: String) {
        let (meta, now) = (&pod.metadata, Some(stamp(self.environment.now())));
        let event = Event {
            metadata: ObjectMeta {
                name: Some(format!("{}.{:016x}", pod.key().name, self.environment.random_u64())),
                namespace: meta.namespace.clone(),
                ..ObjectMeta::default()
            },
            involved_object: ObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Pod".to_owned()),
                namespace: meta.namespace.clone(),
                name: meta.name.clone(),
                uid: meta.uid.clone(),
                resource_version: meta.resource_version.clone(),
                field_path: None,
            },
            type_: Some(kind.to_owned()),
            reason: Some(reason.to_owned()),
            message: Some(message),
            source: Some(EventSource { component: Some(COMPONENT.to_owned()), host: None }),
            reporting_component: Some(COMPONENT.to_owned()),
            first_timestamp: now.clone(),
            last_timestamp: now,
            count: Some(1),
            ..Event::default()
        };
        if self.sender.try_send(event).is_err() {
            tracing::debug!(reason, "too many events wait; one is dropped");
        }
    }
}
