//! A ledger in an SQL database.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use pilothouse::Ledger;
use pilothouse::ledger::{HistoryLine, HistoryQuery, LedgerChange, LedgerCommand, LedgerError, LedgerRecord};
use sqlx::AnyPool;
use sqlx::any::AnyPoolOptions;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::OpenError;
use crate::address::without_credentials;
use crate::dialect::Dialect;
use crate::{read, write};

/// The newest schema this program knows.
const SCHEMA: i64 = 1;
/// How many lines of history are kept unless the user says otherwise.
const LINES: i64 = 100_000;
/// How long to wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// A ledger in SQLite, PostgreSQL, MySQL or `MariaDB`. Cloning shares its connections.
///
/// **Guarantees.** Each write is one transaction. The last lines of history are kept, 100,000 by default. Several
/// processes may have the same database open: the replicas of a manager, of which one leads, and the command line.
///
/// **Assumptions.** One cluster per database: a controller is known by its name alone.
///
/// **Cancellation.** A write that is dropped is rolled back, or was committed.
#[derive(Clone)]
pub struct SqlLedger {
    pub(crate) pool: AnyPool,
    pub(crate) dialect: Dialect,
    /// How many lines of history are kept.
    pub(crate) lines: i64,
    address: String,
}

impl SqlLedger {
    /// Opens a database and makes what is missing: `sqlite:FILE` (also the file), `postgres://USER@HOST/DATABASE` or
    /// `mysql://USER@HOST/DATABASE` (tables only).
    ///
    /// Cancelling leaves a valid database behind.
    pub async fn open(address: &str) -> Result<Self, OpenError> {
        Self::connect(address, true).await
    }

    /// As [`open`](Self::open), but fails where there is no such file.
    pub async fn open_existing(address: &str) -> Result<Self, OpenError> {
        Self::connect(address, false).await
    }

    /// Opens this SQLite file, and makes it if it is missing.
    pub async fn sqlite(path: &Path) -> Result<Self, OpenError> {
        let path = path.to_string_lossy().replace('%', "%25").replace('?', "%3F").replace('#', "%23");
        Self::open(&format!("sqlite:{path}")).await
    }

    async fn connect(address: &str, may_create: bool) -> Result<Self, OpenError> {
        let shown = without_credentials(address);
        let Some(dialect) = Dialect::of(address) else {
            return Err(OpenError::Address { address: shown, known: Dialect::known() });
        };
        // It panics where the program has chosen drivers of its own; those are used then.
        let _ = std::panic::catch_unwind(sqlx::any::install_default_drivers);
        let mode = if may_create { "mode=rwc" } else { "mode=rw" };
        let joint = if address.contains('?') { '&' } else { '?' };
        let url = if dialect.is_file() { format!("{address}{joint}{mode}") } else { address.to_owned() };
        let pool = AnyPoolOptions::new()
            .max_connections(4)
            .acquire_timeout(CONNECT)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    for statement in dialect.on_connect {
                        connection.execute(*statement).await?;
                    }
                    Ok(())
                })
            })
            .connect(&url)
            .await
            .map_err(|source| OpenError::Connect { address: shown.clone(), source })?;
        let ledger = Self { pool, dialect, lines: LINES, address: shown };
        ledger.prepare().await?;
        Ok(ledger)
    }

    /// Brings the tables to the schema this program knows.
    async fn prepare(&self) -> Result<(), OpenError> {
        let failed = |source| OpenError::Schema { address: self.address.clone(), source };
        for statement in self.dialect.schema {
            self.pool.execute(*statement).await.map_err(failed)?;
        }
        let newest = "SELECT max(version) FROM pilothouse_schema";
        let found: (Option<i64>,) = sqlx::query_as(newest).fetch_one(&self.pool).await.map_err(failed)?;
        match found.0 {
            None => {
                let statement = self.dialect.statement("INSERT INTO pilothouse_schema (version) VALUES (?)");
                let insert = sqlx::query(AssertSqlSafe(statement)).bind(SCHEMA);
                insert.execute(&self.pool).await.map_err(failed)?;
                Ok(())
            }
            Some(found) if found > SCHEMA => {
                Err(OpenError::NewerSchema { address: self.address.clone(), found, known: SCHEMA })
            }
            Some(_) => Ok(()),
        }
    }

    /// Keeps the last `lines` lines of history of all controllers together. Default 100,000.
    #[must_use]
    pub fn keep_history(mut self, lines: u32) -> Self {
        self.lines = lines.into();
        self
    }

    /// Closes its connections, once nobody uses them. Without it, the last clone closes them when it is dropped.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl Ledger for SqlLedger {
    fn records<'a>(
        &'a self,
        controller: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<LedgerRecord>, LedgerError>> {
        read::records(self, controller).boxed()
    }

    fn write<'a>(&'a self, changes: &'a [LedgerChange]) -> BoxFuture<'a, Result<(), LedgerError>> {
        write::write(self, changes).boxed()
    }

    fn history<'a>(
        &'a self,
        query: &'a HistoryQuery,
    ) -> BoxFuture<'a, Result<Vec<HistoryLine>, LedgerError>> {
        read::history(self, query).boxed()
    }

    fn commands<'a>(&'a self, controller: &'a str) -> BoxFuture<'a, Result<Vec<LedgerCommand>, LedgerError>> {
        read::commands(self, controller).boxed()
    }
}

impl fmt::Debug for SqlLedger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SqlLedger").field("address", &self.address).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unknown_address_is_refused_with_those_that_are_known() {
        let error = SqlLedger::open("oracle://me:secret@db/x").await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("oracle://db/x") && text.contains("sqlite:FILE"), "{text}");
        assert!(!text.contains("secret"), "{text}");
        assert_eq!(error.reason(), "LedgerAddressUnknown");
    }
}
