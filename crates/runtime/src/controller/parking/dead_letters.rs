//! The dead letters of all controllers of a process.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::DeadLetterSelector;
use super::handle::Parking;
use crate::ledger::{HistoryLine, HistoryQuery, Ledger, LedgerError, LedgerRecord};

/// The objects that the controllers of this process have given up on: to look at, to try again, to drop.
///
/// **Flow.** A reconcile that fails is tried again after a growing delay ([`Retry`](crate::Retry)). One that fails for
/// good, or as often in a row as [`Retry::give_up_after`](crate::Retry::give_up_after) says, parks its object: it is
/// not tried again before it changes, before somebody replays it, or, if it was dropped, before it changes. An Event
/// (`GivenUp`) tells of it on the object.
///
/// **Guarantees.** An object is parked once, with the reason, the messages of the error and its causes, the number of
/// attempts and their times (D2, D3). Each parking, replay, drop and return leaves a line in the history (D6). With a
/// durable ledger, parked objects, attempts and delays outlive the process; of the attempts of an object at most the
/// last is lost (D5). A ledger that is slow or fails never stops a controller: objects wait a second for it at most,
/// and not at all after it has failed; `/readyz` and metrics say so (D7). All of this is bounded
/// ([`DeadLetterOptions`](crate::DeadLetterOptions)).
///
/// **Nothing secret** is kept: in messages, values of fields called password, token and the like, credentials in URLs
/// and headers, JSON web tokens and PEM blocks are replaced. What a reconciler puts into its errors in other forms is
/// kept: do not put secrets there.
///
/// Cheap to clone. Controllers are known here from the moment they work (where an election is held: when this process
/// leads) until they have ended.
#[derive(Clone)]
pub struct DeadLetters {
    shared: Arc<Shared>,
}

struct Shared {
    ledger: Arc<dyn Ledger>,
    controllers: Mutex<BTreeMap<String, Weak<Parking>>>,
}

impl DeadLetters {
    pub(crate) fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self { shared: Arc::new(Shared { ledger, controllers: Mutex::default() }) }
    }

    pub(crate) fn ledger(&self) -> Arc<dyn Ledger> {
        Arc::clone(&self.shared.ledger)
    }

    pub(in crate::controller) fn add(&self, parking: &Arc<Parking>) {
        let name = parking.controller.to_string();
        self.shared.controllers.lock().insert(name, Arc::downgrade(parking));
    }

    pub(in crate::controller) fn remove(&self, controller: &str) {
        self.shared.controllers.lock().remove(controller);
    }

    fn parkings(&self, selector: &DeadLetterSelector) -> Vec<Arc<Parking>> {
        let controllers = self.shared.controllers.lock();
        let wanted = controllers.iter().filter(|(name, _)| selector.concerns(name));
        wanted.filter_map(|(_, parking)| parking.upgrade()).collect()
    }

    /// The controllers that work in this process, by name.
    pub fn controllers(&self) -> Vec<String> {
        self.shared.controllers.lock().keys().cloned().collect()
    }

    /// The dead letters that a selector means, by controller and key.
    pub fn list(&self, selector: &DeadLetterSelector) -> Vec<Arc<LedgerRecord>> {
        let of = |parking: Arc<Parking>| parking.parked(|record| selector.matches(record));
        self.parkings(selector).into_iter().flat_map(of).collect()
    }

    /// Tries these once more, each once, some per second
    /// ([`DeadLetterOptions::replays_per_second`](crate::DeadLetterOptions::replays_per_second)), with the retries of
    /// an object that has not failed yet. They are no dead letters meanwhile. `by` says who asks. Returns how many.
    pub fn replay(&self, selector: &DeadLetterSelector, by: &str) -> usize {
        self.each(selector, |parking, record| parking.replay(&record.identity, by))
    }

    /// Takes these off the list. They are not tried before something changes, or the controller starts anew. `by` says
    /// who asks. Returns how many.
    pub fn discard(&self, selector: &DeadLetterSelector, by: &str) -> usize {
        self.each(selector, |parking, record| parking.discard(&record.identity, by))
    }

    fn each(&self, selector: &DeadLetterSelector, act: impl Fn(&Parking, &LedgerRecord) -> bool) -> usize {
        let of = |parking: &Arc<Parking>| {
            let parked = parking.parked(|record| selector.matches(record));
            parked.iter().filter(|record| act(parking, record)).count()
        };
        self.parkings(selector).iter().map(of).sum()
    }

    /// What became of dead letters, newest first, as far as the ledger was told.
    ///
    /// **Cancellation.** Dropping the future has no effect.
    pub async fn history(&self, query: &HistoryQuery) -> Result<Vec<HistoryLine>, LedgerError> {
        self.shared.ledger.history(query).await
    }
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DeadLetters").field("ledger", &self.shared.ledger).finish_non_exhaustive()
    }
}
