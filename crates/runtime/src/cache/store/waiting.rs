//! Who waits for which version.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use pilothouse_machinery::ResourceVersion;
use tokio::sync::oneshot;

/// Those who wait for a version, in the order of the versions.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last_ticket: u64,
    numbers: BTreeMap<(u64, Ticket), oneshot::Sender<()>>,
    /// Versions that are no numbers are only reached by equality (conformance W5).
    opaque: BTreeMap<(String, Ticket), oneshot::Sender<()>>,
}

/// Tells those apart who wait for one version.
type Ticket = u64;

/// One who waits. Dropping it takes it out.
#[derive(Debug)]
pub(super) struct Waiter<'a> {
    waiting: &'a Waiting,
    version: &'a ResourceVersion,
    ticket: Ticket,
    reached: oneshot::Receiver<()>,
}

impl Waiting {
    /// Waits for `version`, unless `is_reached` says that there is nothing to wait for. It is asked when a write
    /// that has been published either shows in the answer or finds the waiter.
    pub(super) fn register<'a>(
        &'a self,
        version: &'a ResourceVersion,
        is_reached: impl FnOnce() -> bool,
    ) -> Option<Waiter<'a>> {
        let mut state = self.state.lock();
        if is_reached() {
            return None;
        }
        let (sender, reached) = oneshot::channel();
        state.last_ticket += 1;
        let ticket = state.last_ticket;
        match version.number() {
            Some(number) => state.numbers.insert((number, ticket), sender),
            None => state.opaque.insert((version.to_string(), ticket), sender),
        };
        Some(Waiter { waiting: self, version, ticket, reached })
    }

    /// Wakes those who wait for `version` or an earlier one. To be called after the state is published.
    pub(super) fn reach(&self, version: &ResourceVersion) {
        let mut state = self.state.lock();
        let reached: Vec<_> = match version.number() {
            Some(number) => {
                if state.numbers.first_key_value().is_none_or(|((lowest, _), _)| *lowest > number) {
                    return;
                }
                let later = state.numbers.split_off(&(number, Ticket::MAX));
                std::mem::replace(&mut state.numbers, later).into_values().collect()
            }
            None if state.opaque.is_empty() => return,
            None => {
                let text = version.to_string();
                let range = (text.clone(), 0)..=(text, Ticket::MAX);
                state.opaque.extract_if(range, |_, _| true).map(|(_, waiting)| waiting).collect()
            }
        };
        drop(state);
        for waiting in reached {
            // The waiter may be gone.
            let _ = waiting.send(());
        }
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let state = self.state.lock();
        state.numbers.len() + state.opaque.len()
    }
}

impl Waiter<'_> {
    pub(super) async fn reached(mut self) {
        if (&mut self.reached).await.is_err() {
            // The store went away, and with it the one who could answer.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut state = self.waiting.state.lock();
        match self.version.number() {
            Some(number) => drop(state.numbers.remove(&(number, self.ticket))),
            None => drop(state.opaque.remove(&(self.version.to_string(), self.ticket))),
        }
    }
}
