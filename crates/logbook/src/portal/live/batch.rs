//! What some commits brought, read once for all streams.

use std::sync::Arc;

use indexmap::IndexMap;
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use crate::model::{JobRow, Transition};
use crate::portal::pages::{Figures, JobHistory};
use crate::store::{Store, StoreError};

/// Revisions and transitions looked at in one go.
const ROWS: u32 = 500;

/// The records between two looks at the database, and what streams asked about that moment.
pub(super) struct Batch {
    /// Each job that was recorded anew, as it is now, in the order of their last revisions.
    pub(super) jobs: Vec<Arc<JobRow>>,
    /// The transitions in order, each with its job.
    pub(super) transitions: Vec<(Arc<JobRow>, Transition)>,
    /// The last revision in the batch.
    pub(super) revision: i64,
    /// The last transition in the batch.
    pub(super) transition: i64,
    /// Whether there is more right after it.
    pub(super) is_cut: bool,
    figures: Shelf<Figures>,
    histories: Shelf<Option<JobHistory>>,
}

impl Batch {
    /// What was recorded after this revision and this transition.
    pub(super) async fn read(store: &Store, revision: i64, transition: i64) -> Result<Self, StoreError> {
        // The transitions first: the jobs of all of them are then among those touched, or read beside them.
        let transitions = store.transitions_after(transition, ROWS).await?;
        let touched = store.jobs_touched_after(revision, ROWS).await?;
        let mut known: IndexMap<i64, Arc<JobRow>> = IndexMap::new();
        for id in touched.jobs.iter().copied().chain(transitions.iter().map(|one| one.job_id)) {
            if !known.contains_key(&id)
                && let Some(job) = store.job_by_id(id).await?
            {
                known.insert(id, Arc::new(job));
            }
        }
        let is_cut = touched.is_cut || transitions.len() >= ROWS as usize;
        Ok(Self {
            jobs: touched.jobs.iter().filter_map(|id| known.get(id).cloned()).collect(),
            transition: transitions.last().map_or(transition, |last| last.id),
            transitions: transitions
                .into_iter()
                .filter_map(|one| Some((Arc::clone(known.get(&one.job_id)?), one)))
                .collect(),
            revision: touched.revision,
            is_cut,
            figures: Shelf::default(),
            histories: Shelf::default(),
        })
    }

    /// The figures of a namespace, or of all, no older than the batch.
    pub(super) async fn figures(
        &self,
        store: &Store,
        namespace: Option<&str>,
    ) -> Result<Arc<Figures>, StoreError> {
        self.figures.get(namespace.unwrap_or_default(), || Figures::read(store, namespace)).await
    }

    /// Everything on record about a job, no older than the batch.
    pub(super) async fn history(
        &self,
        store: &Store,
        uid: &str,
    ) -> Result<Arc<Option<JobHistory>>, StoreError> {
        self.histories.get(uid, || JobHistory::read(store, uid)).await
    }
}

/// Answers by question, each read by whoever asks first while the others wait.
struct Shelf<T> {
    cells: Mutex<IndexMap<String, Arc<OnceCell<Arc<T>>>>>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { cells: Mutex::default() }
    }
}

impl<T> Shelf<T> {
    async fn get<F>(&self, question: &str, read: impl FnOnce() -> F) -> Result<Arc<T>, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let cell = Arc::clone(self.cells.lock().entry(question.to_owned()).or_default());
        cell.get_or_try_init(|| async { read().await.map(Arc::new) }).await.cloned()
    }
}
