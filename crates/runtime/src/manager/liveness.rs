//! Whether a restart would help, for `/livez`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::task::AbortHandle;

/// What is wrong with a part, if anything is.
type Check = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// What makes a process worth restarting: parts of it that make no progress, and would not by themselves. Cheap to
/// clone; clones share one list.
///
/// A check fails only for what a restart heals. A server that is away, a database that is down or a cache that is not
/// filled are matters of [`Readiness`](super::Readiness): a restart heals none of them, and costs what is in memory.
///
/// **Guarantees.** A check runs for each probe, outside of any lock, on the task that answers: make it cheap, and let
/// it wait for nothing. Once the manager stops, checks are not asked any more: its grace period bounds what is left.
#[derive(Clone, Default)]
pub struct Liveness {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    checks: BTreeMap<String, Check>,
    is_stopping: bool,
}

impl Liveness {
    /// Asks `check` about `part` for each probe, until what is returned is dropped. Of two with one name, the later.
    #[must_use = "the check ends when this is dropped"]
    pub fn check(
        &self,
        part: impl Into<String>,
        check: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) -> LivenessCheck {
        let (part, check): (_, Check) = (part.into(), Arc::new(check));
        self.shared.lock().checks.insert(part.clone(), Arc::clone(&check));
        LivenessCheck { liveness: self.clone(), part, check }
    }

    /// Fails when a task that goes on as long as what is returned has ended.
    pub(crate) fn task(&self, part: impl Into<String>, task: AbortHandle) -> LivenessCheck {
        let ended = || Err("its task has ended: it must have panicked".to_owned());
        self.check(part, move || if task.is_finished() { ended() } else { Ok(()) })
    }

    /// Each part with what is wrong with it, in the order of the names.
    pub fn parts(&self) -> Vec<(String, Option<String>)> {
        let checks = self.shared.lock().checks.clone();
        checks.into_iter().map(|(part, check)| (part, check().err())).collect()
    }

    /// Whether the manager has been told to stop.
    pub(super) fn is_stopping(&self) -> bool {
        self.shared.lock().is_stopping
    }

    /// Asks nobody any more.
    pub(super) fn stop(&self) {
        self.shared.lock().is_stopping = true;
    }
}

impl fmt::Debug for Liveness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.shared.lock();
        formatter.debug_struct("Liveness").field("checks", &shared.checks.keys()).finish_non_exhaustive()
    }
}

/// A check that is asked. Dropping it ends it.
pub struct LivenessCheck {
    liveness: Liveness,
    part: String,
    check: Check,
}

impl Drop for LivenessCheck {
    fn drop(&mut self) {
        let mut shared = self.liveness.shared.lock();
        // A later one of the same name stays.
        if shared.checks.get(&self.part).is_some_and(|check| Arc::ptr_eq(check, &self.check)) {
            shared.checks.remove(&self.part);
        }
    }
}

impl fmt::Debug for LivenessCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LivenessCheck").field("part", &self.part).finish_non_exhaustive()
    }
}
