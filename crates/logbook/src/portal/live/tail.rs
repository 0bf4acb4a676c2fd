//! The one reader of new records, whose findings every open stream shares.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pilothouse_machinery::Environment;
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, sleep_until};

use super::batch::Batch;
use crate::store::{Commit, Store, StoreError};

/// A job on the screen changes at most once in this time.
const COALESCE: Duration = Duration::from_millis(200);

/// Batches that a stream may be behind; further behind it reads the database from its own cursor.
const BEHIND: usize = 32;

/// Reads what commits bring, once for all streams. Cloning shares it.
///
/// **Flow.** The first subscriber starts the reading task, the departure of the last one ends it. After a commit,
/// at most five times a second, the task reads what is new and sends it to all.
///
/// **Guarantees.** What is committed after [`subscribe`](Self::subscribe) returns is in the batches that follow it,
/// and so may be some of what was committed before. A subscriber that falls too far behind learns that it did.
#[derive(Clone)]
pub(crate) struct Tail {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    environment: Environment,
    /// The sender of the running task.
    running: Mutex<Option<broadcast::Sender<Arc<Batch>>>>,
    /// Held while a task is being started, so that there is one.
    starting: tokio::sync::Mutex<()>,
}

impl Tail {
    pub(crate) fn new(store: Store, environment: Environment) -> Self {
        let running = Mutex::new(None);
        Self { shared: Arc::new(Shared { store, environment, running, starting: Default::default() }) }
    }

    /// The batches from now on. Subscribe before the first look at the database: nothing falls between.
    pub(super) async fn subscribe(&self) -> Result<broadcast::Receiver<Arc<Batch>>, StoreError> {
        let _turn = self.shared.starting.lock().await;
        if let Some(sender) = &*self.shared.running.lock() {
            return Ok(sender.subscribe());
        }
        let reader = Reader::new(&self.shared.store).await?;
        let (sender, receiver) = broadcast::channel(BEHIND);
        *self.shared.running.lock() = Some(sender.clone());
        let shared = Arc::clone(&self.shared);
        self.shared.environment.spawn("portal tail", async move {
            if let Err(error) = reader.run(&shared, &sender).await {
                let reason = error.reason();
                tracing::error!(
                    reason,
                    error = &error as &dyn std::error::Error,
                    "cannot follow the logbook"
                );
                // The streams end with the last sender; their readers connect again.
                *shared.running.lock() = None;
            }
        });
        Ok(receiver)
    }
}

impl fmt::Debug for Tail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let streams = self.shared.running.lock().as_ref().map_or(0, broadcast::Sender::receiver_count);
        formatter.debug_struct("Tail").field("streams", &streams).finish_non_exhaustive()
    }
}

/// The task's place in the records.
struct Reader {
    store: Store,
    commits: watch::Receiver<Commit>,
    revision: i64,
    transition: i64,
}

impl Reader {
    async fn new(store: &Store) -> Result<Self, StoreError> {
        let commits = store.subscribe();
        let revision = store.latest_revision_id().await?;
        let transition = store.latest_transition_id().await?;
        Ok(Self { store: store.clone(), commits, revision, transition })
    }

    async fn run(
        mut self,
        shared: &Shared,
        sender: &broadcast::Sender<Arc<Batch>>,
    ) -> Result<(), StoreError> {
        loop {
            let is_over = tokio::select! {
                biased;
                () = sender.closed() => true,
                changed = self.commits.changed() => changed.is_err(),
            };
            if is_over && stop(shared, sender) {
                return Ok(());
            }
            let looked = Instant::now();
            loop {
                let batch = Batch::read(&self.store, self.revision, self.transition).await?;
                (self.revision, self.transition) = (batch.revision, batch.transition);
                let is_cut = batch.is_cut;
                // Nobody listening is for the next turn to notice.
                let _ = sender.send(Arc::new(batch));
                if !is_cut {
                    break;
                }
            }
            sleep_until(looked + COALESCE).await;
        }
    }
}

/// Whether there is still nobody listening; if so, the next subscriber starts a new task.
fn stop(shared: &Shared, sender: &broadcast::Sender<Arc<Batch>>) -> bool {
    let mut running = shared.running.lock();
    let is_alone = sender.receiver_count() == 0;
    if is_alone {
        *running = None;
    }
    is_alone
}
