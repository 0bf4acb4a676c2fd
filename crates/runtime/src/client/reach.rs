//! Whether the API server answers.

use std::time::Duration;

use http::StatusCode;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Since when requests have had no answer. One per client, shared by its clones.
///
/// Any answer counts, errors too: the server is there. While no request is sent nothing is known, and what was last
/// seen stands; an informer that lost its server asks again within a minute.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    answered: Option<Instant>,
    /// Since when there was no answer any more.
    lost: Option<Instant>,
}

impl Reach {
    /// Takes note of an answer, or that there was none, to a request sent at `sent`.
    pub(super) fn note(&self, status: Option<StatusCode>, sent: Instant) {
        let mut seen = self.seen.lock();
        if status.is_some() {
            *seen = Seen { answered: Some(Instant::now()), lost: None };
        } else if seen.lost.is_none() {
            // Others may have been answered while this one waited.
            seen.lost = seen.answered.max(Some(sent));
        }
    }

    /// For how long requests have had no answer.
    pub(crate) fn lost_for(&self) -> Option<Duration> {
        let lost = self.seen.lock().lost;
        lost.map(|since| since.elapsed())
    }
}
