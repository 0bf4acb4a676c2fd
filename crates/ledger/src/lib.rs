//! Ledgers that outlive the process: where the controllers of [`pilothouse`] keep failures, delays and dead letters.
//!
//! ```no_run
//! use pilothouse::Manager;
//! use pilothouse_ledger::SqlLedger;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let ledger = SqlLedger::open("sqlite:/var/lib/website-operator/ledger.sqlite").await?;
//! Manager::new("website-operator").ledger(ledger).run().await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`SqlLedger`] is one program for SQLite (the feature `sqlite`, on by default), PostgreSQL (`postgres`), MySQL and
//! `MariaDB` (`mysql`). What differs between them stands in small dialects.

mod dialect;
mod error;
mod group;
mod read;
mod sql;
mod write;

pub use error::OpenError;
pub use sql::SqlLedger;
