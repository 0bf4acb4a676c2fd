//! A reading of what runs.

use std::sync::Arc;

use tokio::time::Instant;

use super::Instruments;
use crate::cache::Lag;

/// What can be read at a scrape.
pub(in crate::cache) trait Subject: Send + Sync {
    /// Whether it has ended, or nobody uses it any more.
    fn has_ended(&self) -> bool;

    /// What it shows at the moment. Waits for nobody (C-I19).
    fn read(self: Arc<Self>, now: Instant) -> Reading;
}

/// What one subject showed at a scrape.
pub(in crate::cache) struct Reading {
    pub(in crate::cache) instruments: Arc<Instruments>,
    /// Nothing of a reflector that feeds no informer.
    pub(in crate::cache) informer: Option<InformerReading>,
}

/// What an informer showed at a scrape.
pub(in crate::cache) struct InformerReading {
    pub(in crate::cache) objects: usize,
    /// Kept of objects, in bytes, without headers and decoded forms.
    pub(in crate::cache) bytes: u64,
    /// Kept of decoded forms, in bytes (estimated), and how many may be.
    pub(in crate::cache) decoded_bytes: u64,
    pub(in crate::cache) decoded_budget: Option<usize>,
    /// Where it is a number, and the store has one.
    pub(in crate::cache) version: Option<u64>,
    pub(in crate::cache) synced: bool,
    /// What keeps it from following.
    pub(in crate::cache) trouble: Option<&'static str>,
    pub(in crate::cache) lags: Vec<Lag>,
}

/// A reflector that feeds no informer: a journal's.
impl Subject for Instruments {
    fn has_ended(&self) -> bool {
        false
    }

    fn read(self: Arc<Self>, _now: Instant) -> Reading {
        Reading { instruments: self, informer: None }
    }
}
