//! The outbox: what is to be sent, and how that went.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::error::Doing;
use super::{Store, StoreError, decode};
use crate::model::NotificationState;

/// A message to be queued.
#[derive(Clone, Debug)]
pub(crate) struct NewNotification {
    pub(crate) message_id: String,
    pub(crate) payload: String,
    pub(crate) job_id: i64,
    pub(crate) transition_id: i64,
    pub(crate) destination_id: i64,
    pub(crate) created_at: Timestamp,
}

/// A message whose turn has come.
#[derive(Clone, Debug)]
pub(crate) struct DueNotification {
    pub(crate) id: i64,
    pub(crate) message_id: String,
    pub(crate) payload: String,
    pub(crate) attempts: u32,
}

/// One try, as it is written down.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) notification_id: i64,
    pub(crate) number: u32,
    pub(crate) at: Timestamp,
    pub(crate) duration_ms: i64,
    pub(crate) code: Option<u16>,
    pub(crate) error: Option<String>,
    pub(crate) outcome: Outcome,
}

/// What follows from a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was accepted.
    Sent,
    /// It is tried again at this time.
    Again(Timestamp),
    /// It is given up.
    Dead,
    /// It is given up, and so is its destination: the receiver says that it is gone for good.
    Gone,
}

/// The destination's number, given at its first appearance. One that was disabled is given another chance.
pub(crate) async fn put_destination(
    connection: &mut SqliteConnection,
    name: &str,
    kind: &str,
) -> Result<i64, StoreError> {
    const ACTION: &str = "register a destination";
    sqlx::query(
        "INSERT INTO destination (name, kind) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET kind = excluded.kind,
             disabled_at = NULL, last_error = NULL",
    )
    .bind(name)
    .bind(kind)
    .execute(&mut *connection)
    .await
    .doing(ACTION)?;
    sqlx::query_scalar("SELECT id FROM destination WHERE name = $1")
        .bind(name)
        .fetch_one(connection)
        .await
        .doing(ACTION)
}

/// Queues a message, unless one of this id is there; gives whether it was queued.
pub(crate) async fn put_notification(
    connection: &mut SqliteConnection,
    notification: &NewNotification,
) -> Result<bool, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO outbox (message_id, job_id, transition_id, destination_id, state, attempts, next_at, payload,
             created_at)
         VALUES ($1, $2, $3, $4, 'pending', 0, $5, $6, $5) ON CONFLICT (message_id) DO NOTHING",
    )
    .bind(&notification.message_id)
    .bind(notification.job_id)
    .bind(notification.transition_id)
    .bind(notification.destination_id)
    .bind(notification.created_at.as_millisecond())
    .bind(&notification.payload)
    .execute(connection)
    .await
    .doing("queue a notification")?;
    Ok(inserted.rows_affected() > 0)
}

impl Store {
    /// The next message for a destination that is due, and of each job the oldest that is not done; `None` if none
    /// is.
    pub(crate) async fn due_notification(
        &self,
        destination: &str,
        now: Timestamp,
    ) -> Result<Option<DueNotification>, StoreError> {
        const ACTION: &str = "find what is to be sent";
        let mut reader = self.read().await?;
        let row = sqlx::query(
            "SELECT id, message_id, payload, attempts FROM outbox AS due
             WHERE destination_id = (SELECT id FROM destination WHERE name = $1) AND state = 'pending' AND next_at <= $2
               AND NOT EXISTS (
                 SELECT 1 FROM outbox AS earlier
                 WHERE earlier.destination_id = due.destination_id AND earlier.job_id = due.job_id
                   AND earlier.state = 'pending' AND earlier.id < due.id)
             ORDER BY next_at, id LIMIT 1",
        )
        .bind(destination)
        .bind(now.as_millisecond())
        .fetch_optional(&mut *reader)
        .await
        .doing(ACTION)?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(DueNotification {
            id: row.try_get("id").doing(ACTION)?,
            message_id: row.try_get("message_id").doing(ACTION)?,
            payload: row.try_get("payload").doing(ACTION)?,
            attempts: row.try_get("attempts").doing(ACTION)?,
        }))
    }

    /// When the next message for a destination may be due; `None` if nothing waits.
    pub(crate) async fn next_due(&self, destination: &str) -> Result<Option<Timestamp>, StoreError> {
        const ACTION: &str = "find what is to be sent";
        let mut reader = self.read().await?;
        let next: Option<i64> = sqlx::query_scalar(
            "SELECT next_at FROM outbox AS due
             WHERE destination_id = (SELECT id FROM destination WHERE name = $1) AND state = 'pending'
               AND NOT EXISTS (
                 SELECT 1 FROM outbox AS earlier
                 WHERE earlier.destination_id = due.destination_id AND earlier.job_id = due.job_id
                   AND earlier.state = 'pending' AND earlier.id < due.id)
             ORDER BY next_at, id LIMIT 1",
        )
        .bind(destination)
        .fetch_optional(&mut *reader)
        .await
        .doing(ACTION)?;
        next.map(decode::moment).transpose().doing(ACTION)
    }

    /// Writes down a try and what follows from it, in one transaction.
    pub(crate) async fn record_attempt(&self, attempt: &Attempt) -> Result<(), StoreError> {
        const ACTION: &str = "write down a delivery";
        let (state, next_at) = match attempt.outcome {
            Outcome::Sent => (NotificationState::Sent, None),
            Outcome::Again(at) => (NotificationState::Pending, Some(at.as_millisecond())),
            Outcome::Dead | Outcome::Gone => (NotificationState::Dead, None),
        };
        let finished = next_at.is_none().then(|| attempt.at.as_millisecond() + attempt.duration_ms);
        let mut turn = self.writer().await;
        let mut transaction = turn.begin().await?;
        sqlx::query(
            "UPDATE outbox SET state = $2, attempts = $3, next_at = coalesce($4, next_at), finished_at = $5,
                 last_code = $6, last_error = $7
             WHERE id = $1 AND state = 'pending'",
        )
        .bind(attempt.notification_id)
        .bind(state.as_str())
        .bind(attempt.number)
        .bind(next_at)
        .bind(finished)
        .bind(attempt.code)
        .bind(&attempt.error)
        .execute(&mut *transaction)
        .await
        .doing(ACTION)?;
        sqlx::query(
            "INSERT INTO delivery (outbox_id, attempt, at, duration_ms, code, error)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(attempt.notification_id)
        .bind(attempt.number)
        .bind(attempt.at.as_millisecond())
        .bind(attempt.duration_ms)
        .bind(attempt.code)
        .bind(&attempt.error)
        .execute(&mut *transaction)
        .await
        .doing(ACTION)?;
        if attempt.outcome == Outcome::Gone {
            sqlx::query(
                "UPDATE destination SET disabled_at = $2, last_error = $3
                 WHERE id = (SELECT destination_id FROM outbox WHERE id = $1)",
            )
            .bind(attempt.notification_id)
            .bind(attempt.at.as_millisecond())
            .bind(&attempt.error)
            .execute(&mut *transaction)
            .await
            .doing(ACTION)?;
        }
        transaction.commit(None).await
    }

    /// Gives up all messages that wait for a destination; gives how many those were.
    pub(crate) async fn give_up(
        &self,
        destination: &str,
        at: Timestamp,
        why: &str,
    ) -> Result<u64, StoreError> {
        let mut turn = self.writer().await;
        let mut transaction = turn.begin().await?;
        let given_up = sqlx::query(
            "UPDATE outbox SET state = 'dead', finished_at = $2, last_error = $3
             WHERE destination_id = (SELECT id FROM destination WHERE name = $1) AND state = 'pending'",
        )
        .bind(destination)
        .bind(at.as_millisecond())
        .bind(why)
        .execute(&mut *transaction)
        .await
        .doing("give up notifications")?;
        transaction.commit(None).await?;
        Ok(given_up.rows_affected())
    }
}
