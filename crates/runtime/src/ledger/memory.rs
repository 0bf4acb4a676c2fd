//! A ledger in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::{
    HistoryLine, HistoryQuery, Ledger, LedgerChange, LedgerCommand, LedgerError, LedgerIdentity, LedgerRecord,
};

/// How many lines of history are kept.
const LINES: usize = 10_000;
/// How many commands may wait.
const COMMANDS: usize = 10_000;

/// Keeps everything in memory: the default, and the one for tests.
///
/// **Guarantees.** Cloning gives another handle to the same ledger. It holds what controllers give it, which is bounded
/// ([`DeadLetterOptions`](crate::DeadLetterOptions)), and shares the records with them; the last 10,000 lines of
/// history; and 10,000 commands, later ones are refused.
#[derive(Clone, Debug, Default)]
pub struct MemoryLedger {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    records: BTreeMap<LedgerIdentity, Arc<LedgerRecord>>,
    history: VecDeque<HistoryLine>,
    commands: Vec<LedgerCommand>,
}

#[derive(Debug, thiserror::Error)]
#[error("{COMMANDS} commands wait already: run the controllers they are for")]
struct TooManyCommands;

impl MemoryLedger {
    /// An empty ledger.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl State {
    fn apply(&mut self, change: &LedgerChange) {
        match change {
            LedgerChange::Put(record) => {
                self.records.insert(record.identity.clone(), Arc::clone(record));
            }
            LedgerChange::Remove(identity) => {
                self.records.remove(identity);
            }
            LedgerChange::Clear { controller } => {
                self.records.retain(|identity, _| identity.controller != *controller);
            }
            LedgerChange::Note(line) => {
                if self.history.len() >= LINES {
                    self.history.pop_front();
                }
                self.history.push_back(line.clone());
            }
            LedgerChange::Ask(command) => {
                self.commands.retain(|earlier| earlier.id != command.id);
                self.commands.push(command.clone());
            }
            LedgerChange::Done { id } => self.commands.retain(|command| command.id != *id),
        }
    }
}

impl Ledger for MemoryLedger {
    fn records<'a>(
        &'a self,
        controller: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<LedgerRecord>, LedgerError>> {
        let state = self.state.lock();
        let wanted = |record: &&Arc<LedgerRecord>| {
            controller.is_none_or(|controller| *record.identity.controller == *controller)
        };
        let records =
            state.records.values().filter(wanted).map(|record| LedgerRecord::clone(record)).collect();
        std::future::ready(Ok(records)).boxed()
    }

    fn write<'a>(&'a self, changes: &'a [LedgerChange]) -> BoxFuture<'a, Result<(), LedgerError>> {
        let mut state = self.state.lock();
        let asked = changes.iter().filter(|change| matches!(change, LedgerChange::Ask(_))).count();
        let written = if asked > 0 && state.commands.len() + asked > COMMANDS {
            Err(LedgerError::new("write to", "TooManyCommands", TooManyCommands))
        } else {
            for change in changes {
                state.apply(change);
            }
            Ok(())
        };
        std::future::ready(written).boxed()
    }

    fn history<'a>(
        &'a self,
        query: &'a HistoryQuery,
    ) -> BoxFuture<'a, Result<Vec<HistoryLine>, LedgerError>> {
        let state = self.state.lock();
        let wanted = state.history.iter().rev().filter(|line| query.matches(line));
        std::future::ready(Ok(wanted.take(query.limit).cloned().collect())).boxed()
    }

    fn commands<'a>(&'a self, controller: &'a str) -> BoxFuture<'a, Result<Vec<LedgerCommand>, LedgerError>> {
        let state = self.state.lock();
        let wanted = state.commands.iter().filter(|command| *command.identity.controller == *controller);
        std::future::ready(Ok(wanted.cloned().collect())).boxed()
    }

    fn is_durable(&self) -> bool {
        false
    }
}
