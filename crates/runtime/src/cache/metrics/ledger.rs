//! Who runs, and what was counted before.

use std::fmt;
use std::sync::{Arc, Weak};

use indexmap::IndexMap;
use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use tokio::time::Instant;

use super::instruments::Totals;
use super::scrape::Scrape;
use super::{Identity, Instruments, Subject};
use crate::metrics::{Metrics, Source};

/// So many identities are remembered that nobody runs under any more.
pub(super) const REMEMBERED: usize = 1024;

/// The informers and reflectors that show themselves in one registry. Keeps none of them running.
#[derive(Clone, Default)]
pub(in crate::cache) struct CacheMetrics {
    ledger: Arc<Mutex<Ledger>>,
}

#[derive(Default)]
struct Ledger {
    /// C-I17: no two of one identity.
    running: Vec<(Identity, Weak<dyn Subject>)>,
    /// C-I18: what each counted, those that started last at the end.
    totals: IndexMap<Identity, Arc<Totals>>,
}

impl CacheMetrics {
    /// Those of a registry.
    pub(in crate::cache) fn of(metrics: &Metrics) -> Self {
        metrics.source(Self::default)
    }

    /// Makes a subject with instruments of its own, and shows it from now until it ends or is dropped.
    pub(in crate::cache) fn admit<S: Subject + 'static>(
        &self,
        wanted: &Identity,
        make: impl FnOnce(Instruments) -> Arc<S>,
    ) -> Arc<S> {
        let mut ledger = self.ledger.lock();
        let identity = ledger.free(wanted);
        let totals = ledger.totals_of(&identity);
        let subject = make(Instruments::new(totals));
        let weak: Weak<S> = Arc::downgrade(&subject);
        ledger.running.push((identity, weak));
        subject
    }

    /// A reflector that feeds no informer.
    pub(in crate::cache) fn reflector(&self, wanted: &Identity) -> Arc<Instruments> {
        self.admit(wanted, Arc::new)
    }
}

impl Ledger {
    /// The identity that is wanted; another one of the same type while somebody runs under it. Whoever gives each
    /// informer a name of its own never meets that.
    fn free(&mut self, wanted: &Identity) -> Identity {
        self.running.retain(|(_, subject)| subject.upgrade().is_some_and(|subject| !subject.has_ended()));
        let is_free = |identity: &Identity| self.running.iter().all(|(taken, _)| taken != identity);
        let others = (2..).map(|number| wanted.numbered(number));
        std::iter::once(wanted.clone()).chain(others).find(is_free).unwrap_or_else(|| wanted.clone())
    }

    fn totals_of(&mut self, identity: &Identity) -> Arc<Totals> {
        let totals = self.totals.shift_remove(identity).unwrap_or_default();
        self.totals.insert(identity.clone(), Arc::clone(&totals));
        while self.totals.len() > REMEMBERED + self.running.len() {
            let is_over = |known: &Identity| self.running.iter().all(|(taken, _)| taken != known);
            let Some(oldest) = self.totals.keys().position(is_over) else { break };
            self.totals.shift_remove_index(oldest);
        }
        totals
    }
}

impl Source for CacheMetrics {
    fn gather(&self) -> Box<dyn Collector> {
        let mut subjects: Vec<(Identity, Arc<dyn Subject>)> = {
            let ledger = self.ledger.lock();
            let subject = |(identity, subject): &(Identity, Weak<dyn Subject>)| {
                Some((identity.clone(), subject.upgrade().filter(|subject| !subject.has_ended())?))
            };
            ledger.running.iter().filter_map(subject).collect()
        };
        subjects.sort_by(|(one, _), (other, _)| one.cmp(other));
        let now = Instant::now();
        // The ledger is not locked any more: dropping the last holder of an informer takes other locks.
        let readings =
            subjects.into_iter().map(|(identity, subject)| (identity, subject.read(now))).collect();
        Box::new(Scrape { now, readings })
    }
}

impl fmt::Debug for CacheMetrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CacheMetrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;
    use crate::object::Object;

    #[tokio::test]
    async fn ci18_of_those_that_ended_so_many_are_remembered_and_none_that_run_is_forgotten() {
        let metrics = CacheMetrics::default();
        let identity = |number: usize| Identity::new(format!("n{number}"), &ConfigMap::resource_type());
        let run = |number| metrics.reflector(&identity(number));
        let running = run(0);
        running.list("Initial");
        for number in 1..REMEMBERED + 50 {
            run(number).list("Initial");
        }
        assert_eq!(metrics.ledger.lock().totals.len(), REMEMBERED + 1);
        let lists = |instruments: &Instruments| instruments.totals.lists.all();
        assert_eq!(lists(&run(1)), [], "the oldest is forgotten");
        assert_eq!(lists(&run(REMEMBERED + 49)), [("Initial", 1)]);
        drop(running);
        assert_eq!(lists(&run(0)), [("Initial", 1)], "it ran longest, and was remembered");
        assert_eq!(metrics.ledger.lock().running.len(), 1, "those that ended leave nothing else behind");
    }
}
