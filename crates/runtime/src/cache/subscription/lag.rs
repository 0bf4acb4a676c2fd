//! How far a subscriber is behind.

use std::sync::Arc;
use std::time::Duration;

/// How far a subscriber is behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lag {
    /// The name it was given.
    pub name: Option<Arc<str>>,
    /// Changes that wait. What was not read yet of the state it starts from is not among them.
    pub queued: usize,
    /// How long the next of them has waited.
    pub oldest: Option<Duration>,
    /// What a lossless subscription holds, in bytes of objects; 0 for others.
    pub bytes: usize,
}
