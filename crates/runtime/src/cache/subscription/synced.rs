//! Whether a subscriber has dealt with the state it started from.

use crate::cache::flag::Flag;

/// Whether (and until when) a subscriber has not yet worked off the state it started from.
///
/// **Guarantees.**
///
/// - **S8** it is not done before the last initial change was dealt with, and stays done after that.
///
/// **Cancellation.** Dropping the future of [`done`](Self::done) stops the wait.
#[derive(Clone, Debug)]
pub struct Synced(pub(super) Flag);

impl Synced {
    /// Whether the subscriber has taken the last initial change and come back for more (conformance F10).
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.0.is_raised()
    }

    /// Waits for [`is_done`](Self::is_done). Never returns when the informer or the subscription ends before.
    pub async fn done(&self) {
        self.0.raised().await;
    }
}
