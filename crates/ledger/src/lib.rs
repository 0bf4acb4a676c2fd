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
//! `RedisLedger` (the feature `redis`) keeps the same in Redis.

mod address;
mod dialect;
mod error;
mod group;
mod read;
#[cfg(feature = "redis")]
mod redis_ledger;
mod sql;
mod write;

pub use error::OpenError;
#[cfg(feature = "redis")]
pub use redis_ledger::RedisLedger;
pub use sql::SqlLedger;
