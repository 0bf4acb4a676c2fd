//! The word to stop.

use std::fmt;

use tokio_util::sync::CancellationToken;

/// A request to stop, given once and seen by everybody who holds a clone.
///
/// **Cancellation.** [`requested`](Self::requested) may be dropped and called again.
#[derive(Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
}

impl Shutdown {
    /// A request that was not given yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everybody to stop. Doing it again changes nothing.
    pub fn request(&self) {
        self.token.cancel();
    }

    /// Whether somebody asked to stop.
    pub fn is_requested(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Completes once somebody asks to stop; at once if that has happened.
    pub async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// A request that is given with this one, and can be given earlier for a part.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { token: self.token.child_token() }
    }
}

impl fmt::Debug for Shutdown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shutdown").field("requested", &self.is_requested()).finish()
    }
}
