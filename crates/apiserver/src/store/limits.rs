//! How much history is kept.

/// How much of the past each resource keeps, for watches that resume and for lists of a past version.
///
/// The oldest events go first. A watch from before what is kept is answered with 410 (`Expired`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryLimits {
    /// The most events per resource; `None` is without limit.
    pub max_events: Option<usize>,
    /// The most bytes of encoded objects per resource, in bytes; `None` is without limit.
    pub max_bytes: Option<usize>,
}

impl HistoryLimits {
    /// Keeps everything.
    pub const UNLIMITED: Self = Self { max_events: None, max_bytes: None };

    /// Keeps the last `count` events of each resource.
    pub const fn events(count: usize) -> Self {
        Self { max_events: Some(count), max_bytes: None }
    }
}

impl Default for HistoryLimits {
    /// 100,000 events or 128 MiB per resource, whichever is reached first.
    fn default() -> Self {
        Self { max_events: Some(100_000), max_bytes: Some(128 << 20) }
    }
}
