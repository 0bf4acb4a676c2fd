//! The one connection that writes.

use std::ops::{Deref, DerefMut};

use sqlx::sqlite::{Sqlite, SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Transaction};
use tokio::sync::{MutexGuard, watch};

use super::connect::Commit;
use super::error::Doing;
use super::families::Families;
use super::{StoreError, migrate};

/// The writing connection and what is known of the database's contents without reading them.
pub(super) struct WritingEnd {
    connection: SqliteConnection,
    /// How to connect anew; `None` for a database that would be lost with its connection.
    options: Option<SqliteConnectOptions>,
    kept: Kept,
}

/// What outlives a transaction.
#[derive(Default)]
struct Kept {
    /// As of the last commit; empty while a transaction runs, and after one that failed.
    families: Families,
    /// Whether the last transaction was begun and not committed.
    is_suspect: bool,
}

impl WritingEnd {
    /// Connects, and brings the schema up to date.
    pub(super) async fn open(
        options: SqliteConnectOptions,
        is_file: bool,
        path: &str,
    ) -> Result<Self, StoreError> {
        let mut connection = options.connect().await.map_err(|source| StoreError::open(path, source))?;
        migrate::migrate(&mut connection).await?;
        Ok(Self { connection, options: is_file.then_some(options), kept: Kept::default() })
    }

    /// Reading through the writing connection.
    pub(super) fn connection(&self) -> &SqliteConnection {
        &self.connection
    }

    /// Reading through the writing connection.
    pub(super) fn connection_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Replaces a connection whose last transaction did not end well. SQLite undoes a transaction on its own when
    /// the disk is full, for example; the connection then believes itself in a transaction for ever.
    async fn recover(&mut self) -> Result<(), StoreError> {
        if let Some(options) = self.options.as_ref().filter(|_| self.kept.is_suspect) {
            self.connection = options.connect().await.doing("connect anew")?;
            self.kept.is_suspect = false;
        }
        Ok(())
    }
}

/// The one writer's turn. Dropped before the commit, it leaves nothing behind.
pub(crate) struct Writer<'a> {
    pub(super) end: MutexGuard<'a, WritingEnd>,
    pub(super) commits: &'a watch::Sender<Commit>,
}

impl Writer<'_> {
    /// Begins the transaction of this turn.
    pub(crate) async fn begin(&mut self) -> Result<WriteTransaction<'_>, StoreError> {
        self.end.recover().await?;
        let WritingEnd { connection, kept, .. } = &mut *self.end;
        kept.is_suspect = true;
        let families = std::mem::take(&mut kept.families);
        let transaction = connection.begin_with("BEGIN IMMEDIATE").await.doing("begin a transaction")?;
        Ok(WriteTransaction { transaction, families, kept, commits: self.commits })
    }
}

/// A transaction of the one writer; rolled back when dropped, and then nothing it read or wrote is remembered.
pub(crate) struct WriteTransaction<'a> {
    transaction: Transaction<'a, Sqlite>,
    families: Families,
    kept: &'a mut Kept,
    commits: &'a watch::Sender<Commit>,
}

impl WriteTransaction<'_> {
    /// The connection, and the jobs with their pods as this transaction sees them.
    pub(crate) fn parts(&mut self) -> (&mut SqliteConnection, &mut Families) {
        (&mut self.transaction, &mut self.families)
    }

    /// Commits, then tells the subscribers. `latest_transition` is the newest one inserted, if any.
    pub(crate) async fn commit(self, latest_transition: Option<i64>) -> Result<(), StoreError> {
        let Self { transaction, mut families, kept, commits } = self;
        transaction.commit().await.doing("commit a transaction")?;
        families.trim();
        *kept = Kept { families, is_suspect: false };
        commits.send_modify(|commit| {
            commit.number += 1;
            commit.latest_transition = latest_transition.unwrap_or(commit.latest_transition);
        });
        Ok(())
    }
}

impl Deref for WriteTransaction<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.transaction
    }
}

impl DerefMut for WriteTransaction<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }
}
