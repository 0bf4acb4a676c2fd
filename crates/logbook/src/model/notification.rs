//! Outgoing notifications and their deliveries.

use jiff::Timestamp;
use serde::Serialize;

use super::text_enum::text_enum;

text_enum! {
    /// Where a notification is.
    NotificationState, "notification state" {
        /// Waits for its first try or for the next one.
        Pending = "pending",
        /// Accepted by the receiver.
        Sent = "sent",
        /// Given up: refused for good, or out of tries.
        Dead = "dead",
    }
}

/// One notification of one transition to one destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NotificationRow {
    /// Grows in the order of commits.
    pub id: i64,
    /// The identifier the receiver sees, the same on every try.
    pub message_id: String,
    /// The job.
    pub job_id: i64,
    /// The transition it tells of.
    pub transition_id: i64,
    /// The destination's name.
    pub destination: String,
    /// The destination's kind, as `webhook`.
    pub kind: String,
    /// Where it is.
    pub state: NotificationState,
    /// Tries made so far.
    pub attempts: i64,
    /// When the next try is due, while pending.
    pub next_at: Timestamp,
    /// When the transition was committed.
    pub created_at: Timestamp,
    /// When it was sent or given up.
    pub finished_at: Option<Timestamp>,
    /// HTTP status of the last answer.
    pub last_code: Option<i64>,
    /// What went wrong with the last try.
    pub last_error: Option<String>,
}

/// One try to deliver a notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryRow {
    /// The notification.
    pub notification_id: i64,
    /// 1 for the first try.
    pub attempt: i64,
    /// When the try began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// HTTP status of the answer, if there was one.
    pub code: Option<i64>,
    /// What went wrong; `None` for a delivery.
    pub error: Option<String>,
}
