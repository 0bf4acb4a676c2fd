//! How a ledger fails.

use crate::manager::BoxError;

/// A ledger could not do something.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} the ledger")]
pub struct LedgerError {
    action: &'static str,
    reason: &'static str,
    #[source]
    source: BoxError,
}

impl LedgerError {
    /// `action` says what was being done, as "read" or "write to"; `reason` is a stable `CamelCase` word.
    pub fn new(action: &'static str, reason: &'static str, source: impl Into<BoxError>) -> Self {
        Self { action, reason, source: source.into() }
    }

    /// A stable word for metric labels and logs.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}
