//! Queuing notifications in the transaction that records their cause.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteConnection;

use super::Destination;
use crate::model::JobState;
use crate::store::{NewNotification, NewTransition, StoreError, put_destination, put_notification};

/// Who wants to be told of what.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    destination_id: i64,
    destination: String,
    states: Vec<JobState>,
    namespace: Option<String>,
}

/// A transition to tell of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Announcement<'a> {
    /// The cluster's identity.
    pub(crate) cluster: &'a str,
    pub(crate) cluster_name: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) uid: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) transition: &'a NewTransition<'a>,
}

/// Makes the configured destinations known to the database and gives their subscriptions.
pub(crate) async fn register(
    connection: &mut SqliteConnection,
    destinations: &[Destination],
) -> Result<Vec<Subscription>, StoreError> {
    let mut subscriptions = Vec::with_capacity(destinations.len());
    for destination in destinations {
        let destination_id = put_destination(connection, destination.name(), "webhook").await?;
        subscriptions.push(Subscription {
            destination_id,
            destination: destination.name().to_owned(),
            states: destination.states().to_vec(),
            namespace: destination.namespace().map(str::to_owned),
        });
    }
    Ok(subscriptions)
}

/// Queues what the subscriptions call for and gives how many messages that were.
pub(crate) async fn enqueue(
    connection: &mut SqliteConnection,
    subscriptions: &[Subscription],
    announcement: &Announcement<'_>,
    transition_id: i64,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let wanted = subscriptions.iter().filter(|subscription| {
        subscription.states.contains(&announcement.transition.step.to)
            && subscription.namespace.as_deref().is_none_or(|namespace| namespace == announcement.namespace)
    });
    let mut queued = 0;
    for subscription in wanted {
        let message_id = announcement.message_id(&subscription.destination);
        let notification = NewNotification {
            payload: announcement.payload(&message_id),
            message_id,
            job_id: announcement.transition.job_id,
            transition_id,
            destination_id: subscription.destination_id,
            created_at: now,
        };
        queued += u64::from(put_notification(connection, &notification).await?);
    }
    Ok(queued)
}

impl Announcement<'_> {
    /// The same for the same transition and destination, whenever it is computed.
    fn message_id(&self, destination: &str) -> String {
        let sequence = self.transition.sequence;
        let identity = format!("{destination}\n{}\n{}\n{sequence}", self.cluster, self.uid);
        let digest = Sha256::digest(identity.as_bytes());
        let (half, _) = digest.split_at(16);
        half.iter().fold("msg_".to_owned(), |mut id, byte| {
            let _ = write!(id, "{byte:02x}");
            id
        })
    }

    /// A `CloudEvents` 1.0 event in JSON.
    fn payload(&self, message_id: &str) -> String {
        let (transition, step) = (self.transition, self.transition.step);
        json!({
            "specversion": "1.0",
            "id": message_id,
            "source": format!("/clusters/{}/namespaces/{}/jobs", self.cluster, self.namespace),
            "type": format!("dev.pilothouse.logbook.job.{}", step.to.as_str().to_ascii_lowercase()),
            "subject": self.name,
            "time": transition.effective_at.to_string(),
            "datacontenttype": "application/json",
            "data": {
                "job": {
                    "cluster": self.cluster,
                    "clusterName": self.cluster_name,
                    "kind": self.kind,
                    "namespace": self.namespace,
                    "name": self.name,
                    "uid": self.uid,
                },
                "transition": {
                    "sequence": transition.sequence,
                    "from": step.from,
                    "to": step.to,
                    "reason": step.cause.reason,
                    "message": step.cause.message,
                    "attempt": step.attempt,
                    "exitCode": step.exit_code,
                    "effectiveAt": transition.effective_at.to_string(),
                    "effectiveSource": transition.effective_source,
                    "observedAt": transition.observed_at.to_string(),
                    "provenance": transition.provenance,
                },
            },
        })
        .to_string()
    }
}
