//! Why a cache is not filled in time.

use std::time::Duration;

use super::{Informer, InformerTrouble};

/// Caches did not hold their first list in time, or stopped before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read caches that are not filled after {waited:?}: {}", self.words())]
pub struct NotSynced {
    waited: Duration,
    caches: Vec<(String, Option<InformerTrouble>)>,
}

impl NotSynced {
    /// The caches of these informers that are not filled.
    pub(super) fn of(informers: &[Informer], waited: Duration) -> Self {
        let missing = informers.iter().filter(|informer| !informer.is_synced());
        let caches = missing.map(|informer| (informer.title(), informer.trouble())).collect();
        Self { waited, caches }
    }

    /// The caches by name, with what keeps each from being filled where that is known.
    #[must_use]
    pub fn caches(&self) -> &[(String, Option<InformerTrouble>)] {
        &self.caches
    }

    /// A stable word for events and metric labels.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        "CacheNotSynced"
    }

    fn words(&self) -> String {
        let word = |(name, trouble): &(String, Option<InformerTrouble>)| match trouble {
            Some(trouble) => format!("{name}: {trouble}"),
            None => format!("{name}: its first list is not complete"),
        };
        self.caches.iter().map(word).collect::<Vec<_>>().join("; ")
    }
}
