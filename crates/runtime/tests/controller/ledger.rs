//! A ledger in memory that outlives managers, and fails as told.
#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use pilothouse::ledger::{HistoryLine, HistoryQuery, LedgerChange, LedgerCommand, LedgerError, LedgerRecord};
use pilothouse::{Ledger, MemoryLedger};
use tokio::time::sleep;

/// What a ledger does with the next calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    #[default]
    Fine,
    /// Every call takes this long.
    Slow(Duration),
    /// Every call fails.
    Full,
    /// No call ever answers.
    Hung,
}

/// Kept by a test over several managers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    memory: MemoryLedger,
    mood: Arc<Mutex<Mood>>,
    pub(crate) writes: Arc<AtomicUsize>,
}

impl Kept {
    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock() = mood;
    }

    /// All records, as they stand.
    pub(crate) fn all(&self) -> Vec<LedgerRecord> {
        self.memory.records(None).now_or_never().and_then(Result::ok).expect("a ledger in memory")
    }

    /// How often an object has failed, as it stands; 0 when nothing is kept.
    pub(crate) fn attempts(&self, name: &str) -> u64 {
        let all = self.all();
        all.iter().find(|record| *record.identity.key.name == *name).map_or(0, |record| record.attempts)
    }

    async fn mood(&self) -> Result<(), LedgerError> {
        let mood = *self.mood.lock();
        match mood {
            Mood::Fine => Ok(()),
            Mood::Slow(time) => {
                sleep(time).await;
                Ok(())
            }
            Mood::Full => Err(LedgerError::new("use", "DiskFull", "no space left on device")),
            Mood::Hung => std::future::pending().await,
        }
    }
}

impl Ledger for Kept {
    fn records<'a>(
        &'a self,
        controller: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<LedgerRecord>, LedgerError>> {
        async move {
            self.mood().await?;
            self.memory.records(controller).await
        }
        .boxed()
    }

    fn write<'a>(&'a self, changes: &'a [LedgerChange]) -> BoxFuture<'a, Result<(), LedgerError>> {
        async move {
            self.mood().await?;
            self.writes.fetch_add(1, Ordering::Relaxed);
            self.memory.write(changes).await
        }
        .boxed()
    }

    fn history<'a>(
        &'a self,
        query: &'a HistoryQuery,
    ) -> BoxFuture<'a, Result<Vec<HistoryLine>, LedgerError>> {
        self.memory.history(query)
    }

    fn commands<'a>(&'a self, controller: &'a str) -> BoxFuture<'a, Result<Vec<LedgerCommand>, LedgerError>> {
        async move {
            self.mood().await?;
            self.memory.commands(controller).await
        }
        .boxed()
    }
}
