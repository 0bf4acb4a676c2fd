//! What can go wrong with a database.

use pilothouse::ledger::LedgerError;

/// A ledger could not be opened. Says the address without user and password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No database is known by that address.
    #[error(
        "cannot open the ledger {address}: write sqlite:FILE, postgres://USER@HOST/DATABASE or mysql://USER@HOST/DATABASE; \
         this program knows {known}"
    )]
    Address {
        /// What was given.
        address: String,
        /// The schemes that were compiled in.
        known: String,
    },
    /// The database could not be connected to.
    #[error("cannot open the ledger {address}")]
    Connect {
        /// The database.
        address: String,
        /// What the driver said.
        source: sqlx::Error,
    },
    /// The Redis server could not be connected to.
    #[cfg(feature = "redis")]
    #[error("cannot open the ledger {address}")]
    Redis {
        /// The server.
        address: String,
        /// What the driver said.
        source: redis::RedisError,
    },
    /// The tables could not be made.
    #[error("cannot make the tables of the ledger {address}: the account needs the right to create tables")]
    Schema {
        /// The database.
        address: String,
        /// What the database said.
        source: sqlx::Error,
    },
    /// The tables are of a newer Pilothouse.
    #[error(
        "cannot use the ledger {address} of schema {found}: this program knows up to {known}, so use a newer one"
    )]
    NewerSchema {
        /// The database.
        address: String,
        /// Its schema number.
        found: i64,
        /// The newest schema number this program knows.
        known: i64,
    },
}

impl OpenError {
    /// A stable `CamelCase` word for logs and metric labels.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Address { .. } => "LedgerAddressUnknown",
            Self::Connect { .. } => "LedgerUnreachable",
            #[cfg(feature = "redis")]
            Self::Redis { .. } => "LedgerUnreachable",
            Self::Schema { .. } => "LedgerSchemaFailed",
            Self::NewerSchema { .. } => "LedgerSchemaTooNew",
        }
    }
}

/// What is kept could not be read.
#[derive(Debug, thiserror::Error)]
#[error("a row is not what this program writes")]
struct Unreadable(#[source] serde_json::Error);

/// Names what was being done when it failed.
pub(crate) trait Doing<T> {
    fn doing(self, action: &'static str) -> Result<T, LedgerError>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, action: &'static str) -> Result<T, LedgerError> {
        self.map_err(|source| {
            let reason = match &source {
                sqlx::Error::Database(_) => "LedgerStatementFailed",
                sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => "LedgerUnreadable",
                _ => "LedgerUnreachable",
            };
            LedgerError::new(action, reason, source)
        })
    }
}

impl<T> Doing<T> for Result<T, serde_json::Error> {
    fn doing(self, action: &'static str) -> Result<T, LedgerError> {
        self.map_err(|source| LedgerError::new(action, "LedgerUnreadable", Unreadable(source)))
    }
}
