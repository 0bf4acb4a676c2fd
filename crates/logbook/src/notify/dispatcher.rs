//! The task that empties the outbox.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use pilothouse::Shutdown;
use pilothouse_machinery::Environment;
use tokio::sync::watch;

use super::{Destination, Message, RetrySchedule, SendError, Sender};
use crate::metrics::LogbookMetrics;
use crate::recorder::Recorder;
use crate::store::{Attempt, DueNotification, Outcome, Store, StoreError};

/// How long to wait when the database refuses.
const DATABASE_PAUSE: Duration = Duration::from_secs(1);

/// Sends what the recorder queued, one destination beside the other.
///
/// **Guarantees.** A message is written down as sent only after it was accepted. Of one job and destination, a message
/// goes out only when all earlier ones are sent or given up. Stopped or killed between sending and writing down, it
/// sends that message again, under the same id.
///
/// A destination that answers 410 is disabled until the next start: what waits for it is given up, with the reason on
/// record.
///
/// **Assumptions.** One dispatcher runs per database.
#[derive(Debug)]
pub struct Dispatcher<S> {
    shared: Arc<Shared<S>>,
    destinations: Vec<Destination>,
}

#[derive(Debug)]
struct Shared<S> {
    store: Store,
    sender: S,
    schedule: RetrySchedule,
    environment: Environment,
    metrics: LogbookMetrics,
    outgoing: watch::Receiver<u64>,
}

impl<S: Sender> Dispatcher<S> {
    /// A dispatcher of what this recorder queues for these destinations.
    #[must_use]
    pub fn new(
        recorder: &Recorder,
        destinations: Vec<Destination>,
        sender: S,
        schedule: RetrySchedule,
    ) -> Self {
        let shared = Shared {
            store: recorder.store().clone(),
            sender,
            schedule,
            environment: recorder.environment().clone(),
            metrics: recorder.metrics().clone(),
            outgoing: recorder.outgoing(),
        };
        Self { shared: Arc::new(shared), destinations }
    }

    /// Sends until it is asked to stop.
    ///
    /// Cancelled or asked to stop, it drops the message it is sending, which is sent again at the next start.
    pub async fn run(self, shutdown: Shutdown) {
        let each = self.destinations.iter().map(|destination| self.shared.empty(destination));
        tokio::select! {
            biased;
            () = shutdown.requested() => {}
            _ = join_all(each) => shutdown.requested().await,
        }
    }
}

impl<S: Sender> Shared<S> {
    /// Sends to one destination, forever.
    async fn empty(&self, destination: &Destination) {
        let mut outgoing = self.outgoing.clone();
        loop {
            outgoing.borrow_and_update();
            match self.send_next(destination).await {
                Ok(Some(Outcome::Gone)) => return self.give_up(destination, outgoing).await,
                Ok(Some(_)) => {}
                Ok(None) => self.wait(destination, &mut outgoing).await,
                Err(error) => {
                    tracing::warn!(destination = destination.name(), reason = error.reason(), %error, "outbox stalls");
                    tokio::time::sleep(DATABASE_PAUSE).await;
                }
            }
        }
    }

    /// Gives up, forever, what is queued for a destination that is gone.
    async fn give_up(&self, destination: &Destination, mut outgoing: watch::Receiver<u64>) {
        const WHY: &str = "not sent: its destination is disabled since it answered 410";
        let name = destination.name();
        tracing::error!(
            destination = name,
            "notifications are disabled: the receiver answered 410; correct its address or remove it, and restart"
        );
        loop {
            outgoing.borrow_and_update();
            match self.store.give_up(name, self.environment.now(), WHY).await {
                Ok(number) => {
                    self.metrics.given_up(name, number);
                    if outgoing.changed().await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::warn!(destination = name, reason = error.reason(), %error, "outbox stalls");
                    tokio::time::sleep(DATABASE_PAUSE).await;
                }
            }
        }
    }

    /// Sends the next message that is due and gives what came of it; `None` if there was none.
    async fn send_next(&self, destination: &Destination) -> Result<Option<Outcome>, StoreError> {
        let now = self.environment.now();
        let Some(due) = self.store.due_notification(destination.name(), now).await? else { return Ok(None) };
        let message =
            Message { id: due.message_id.clone(), payload: due.payload.clone(), timestamp: now.as_second() };
        let begun = self.environment.monotonic();
        let result = self.sender.send(destination, &message).await;
        let duration = begun.elapsed();
        let number = due.attempts.saturating_add(1);
        let attempt = Attempt {
            notification_id: due.id,
            number,
            at: now,
            duration_ms: i64::try_from(duration.as_millis()).unwrap_or(i64::MAX),
            code: result.as_ref().map_or_else(SendError::code, |code| Some(*code)),
            error: result.as_ref().err().map(describe),
            outcome: self.outcome(&result, number),
        };
        self.report(destination, &due, &attempt);
        // Trying to send again before this is on record would only repeat the message.
        while let Err(error) = self.store.record_attempt(&attempt).await {
            tracing::warn!(destination = destination.name(), reason = error.reason(), %error, "outbox stalls");
            tokio::time::sleep(DATABASE_PAUSE).await;
        }
        Ok(Some(attempt.outcome))
    }

    fn outcome(&self, result: &Result<u16, SendError>, number: u32) -> Outcome {
        match result {
            Ok(_) => Outcome::Sent,
            Err(error) if error.code() == Some(410) => Outcome::Gone,
            Err(error) if error.is_permanent() || number >= self.schedule.tries => Outcome::Dead,
            Err(error) => {
                let pause = self.schedule.pause(number, error.retry_after(), &self.environment);
                let now = self.environment.now();
                Outcome::Again(now.checked_add(pause).unwrap_or(now))
            }
        }
    }

    fn report(&self, destination: &Destination, due: &DueNotification, attempt: &Attempt) {
        let outcome = match attempt.outcome {
            Outcome::Sent => "sent",
            Outcome::Again(_) => "again",
            Outcome::Dead | Outcome::Gone => "dead",
        };
        self.metrics.tried(destination.name(), outcome);
        if let Some(error) = &attempt.error {
            let (destination, id, tries) = (destination.name(), &due.message_id, attempt.number);
            tracing::warn!(destination, id, tries, outcome, error, "notification not delivered");
        }
    }

    /// Waits until something new is queued or something queued is due.
    async fn wait(&self, destination: &Destination, outgoing: &mut watch::Receiver<u64>) {
        let pause = match self.store.next_due(destination.name()).await {
            Ok(Some(next)) => {
                let ahead = next.duration_since(self.environment.now());
                Duration::try_from(ahead).unwrap_or(Duration::ZERO).max(Duration::from_millis(1))
            }
            Ok(None) => Duration::from_hours(1),
            Err(_) => DATABASE_PAUSE,
        };
        tokio::select! {
            biased;
            changed = outgoing.changed() => {
                if changed.is_err() {
                    // The recorder is gone: nothing new comes, but what is queued still goes out.
                    tokio::time::sleep(pause).await;
                }
            }
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// An error with its causes, as it is written down: receivers' addresses are in none of them.
fn describe(error: &SendError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
