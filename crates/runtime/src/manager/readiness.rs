//! Who is ready, for `/readyz`.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// The parts of a process that must be ready before it is. Cheap to clone; clones share one list.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    parts: Arc<Mutex<BTreeMap<String, Result<(), String>>>>,
    degraded: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Readiness {
    /// Says that `part` is ready.
    pub fn ready(&self, part: &str) {
        self.parts.lock().insert(part.to_owned(), Ok(()));
    }

    /// Says that `part` is not ready, and why.
    pub fn not_ready(&self, part: &str, why: impl Into<String>) {
        self.parts.lock().insert(part.to_owned(), Err(why.into()));
    }

    /// Says that `part` is in trouble, and that the process is ready all the same.
    pub fn degraded(&self, part: &str, why: impl Into<String>) {
        self.degraded.lock().insert(part.to_owned(), why.into());
    }

    /// What is in trouble without making the process unready, and why, in the order of the names.
    pub fn trouble(&self) -> Vec<(String, String)> {
        self.degraded.lock().iter().map(|(name, why)| (name.clone(), why.clone())).collect()
    }

    /// Forgets a part that has ended, or is in trouble no more.
    pub fn remove(&self, part: &str) {
        self.degraded.lock().remove(part);
        self.parts.lock().remove(part);
    }

    /// Every part with the reason why it is not ready, in the order of the names.
    pub fn parts(&self) -> Vec<(String, Option<String>)> {
        let parts = self.parts.lock();
        parts.iter().map(|(name, state)| (name.clone(), state.clone().err())).collect()
    }

    /// Whether every part is ready.
    pub fn is_ready(&self) -> bool {
        self.parts.lock().values().all(Result::is_ok)
    }
}
