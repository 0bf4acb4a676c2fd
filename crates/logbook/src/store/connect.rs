//! Opening the database, and the way to its connections.

use std::fmt;
use std::fs::{File, TryLockError};
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use tokio::sync::{Mutex, MutexGuard, watch};

use super::StoreError;
use super::error::Doing;
use super::writer::{Writer, WritingEnd};

/// How many reads may run beside each other and beside the writer.
const READERS: u32 = 4;

/// Where the database lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In this file, created if it is missing, with its `-wal` and `-shm` files beside it.
    File(PathBuf),
    /// In memory, gone with the last clone of the store: for tests and trials.
    Memory,
}

/// What has been committed so far; see [`Store::subscribe`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// How many batches were committed since the store was opened.
    pub number: u64,
    /// The newest transition's id; 0 when there is none.
    pub latest_transition: i64,
}

/// The logbook's database. Cloning shares it.
///
/// **Flow.** One connection writes; reads of a file go through a small pool beside it, reads of a memory
/// database take turns with the writer.
///
/// **Guarantees.** A read sees whole batches only. Every reading method may be cancelled at any time.
///
/// **Assumptions.** One store has a file open at a time; a lock file beside it makes sure.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    /// Held for as long as the store is open; the system lets go of it when the process ends, however it ends.
    _lock: Option<File>,
    writer: Mutex<WritingEnd>,
    readers: Option<SqlitePool>,
    commits: watch::Sender<Commit>,
    /// How often a connection for reading was asked for.
    #[cfg(test)]
    reads: std::sync::atomic::AtomicU64,
}

impl Store {
    /// Opens the database, creates it if it is missing, and brings its schema up to date.
    ///
    /// Fails if the file cannot be opened, is of a newer program, or is in use. Cancelling leaves a valid file behind.
    pub async fn open(location: &Location) -> Result<Self, StoreError> {
        let (options, path) = match location {
            Location::File(path) => (file_options(path), path.display().to_string()),
            Location::Memory => (SqliteConnectOptions::new().in_memory(true), ":memory:".to_owned()),
        };
        let options =
            options.foreign_keys(true).busy_timeout(Duration::from_secs(10)).disable_statement_logging();
        let lock = match location {
            Location::File(path) => Some(lock(path)?),
            Location::Memory => None,
        };
        let is_file = matches!(location, Location::File(_));
        let writer = WritingEnd::open(options.clone(), is_file, &path).await?;
        let readers = is_file.then(|| {
            SqlitePoolOptions::new()
                .max_connections(READERS)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
                .connect_lazy_with(options.read_only(true).create_if_missing(false))
        });
        let shared = Shared {
            _lock: lock,
            writer: Mutex::new(writer),
            readers,
            commits: watch::Sender::new(Commit::default()),
            #[cfg(test)]
            reads: Default::default(),
        };
        let store = Self { shared: Arc::new(shared) };
        let latest_transition = store.latest_transition_id().await?;
        store.shared.commits.send_replace(Commit { number: 0, latest_transition });
        Ok(store)
    }

    /// A receiver that changes after each commit: wait with `changed()`, then read what is new, as with
    /// [`transitions_after`](Self::transitions_after). A slow receiver sees the newest value only, and misses no
    /// row by that because it asks the database from its own cursor.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Commit> {
        self.shared.commits.subscribe()
    }

    /// A connection for reading.
    pub(super) async fn read(&self) -> Result<Reader<'_>, StoreError> {
        #[cfg(test)]
        self.shared.reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        match &self.shared.readers {
            Some(pool) => Ok(Reader::Pooled(pool.acquire().await.doing("get a connection for reading")?)),
            None => Ok(Reader::Shared(self.shared.writer.lock().await)),
        }
    }

    /// How often a connection for reading was asked for.
    #[cfg(test)]
    pub(crate) fn reads(&self) -> u64 {
        self.shared.reads.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// The right to write; held for one transaction.
    pub(crate) async fn writer(&self) -> Writer<'_> {
        Writer { end: self.shared.writer.lock().await, commits: &self.shared.commits }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Store")
            .field("commits", &*self.shared.commits.borrow())
            .finish_non_exhaustive()
    }
}

/// A connection to read from.
pub(super) enum Reader<'a> {
    Pooled(PoolConnection<Sqlite>),
    Shared(MutexGuard<'a, WritingEnd>),
}

impl Deref for Reader<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        match self {
            Self::Pooled(connection) => connection,
            Self::Shared(end) => end.connection(),
        }
    }
}

impl DerefMut for Reader<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        match self {
            Self::Pooled(connection) => connection,
            Self::Shared(end) => end.connection_mut(),
        }
    }
}

fn file_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
}

/// Takes the lock file beside the database.
fn lock(database: &Path) -> Result<File, StoreError> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let failed = |source| StoreError::Lock { path: database.display().to_string(), source };
    let file = File::create(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: database.display().to_string() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}
