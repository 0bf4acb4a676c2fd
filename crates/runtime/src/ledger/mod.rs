//! The ledger: what a restart must not forget of what failed.
//!
//! A controller notes in it how often each failing object has failed and when it is due again, and which objects it
//! has given up on (the dead letters). [`Ledger`] is the way to where that is kept; [`MemoryLedger`], the default,
//! keeps it as long as the process lives. The crate `pilothouse-ledger` has others that outlive it.
//!
//! The controller never waits for its ledger for longer than a second, and works on without it when it fails: see
//! [`DeadLetters`](crate::DeadLetters).

mod change;
mod command;
mod contract;
mod error;
mod history;
mod memory;
mod record;
mod redact;

pub use change::LedgerChange;
pub use command::{LedgerCommand, Verb};
pub use contract::Ledger;
pub use error::LedgerError;
pub use history::{HistoryEvent, HistoryLine, HistoryQuery, UnknownEvent};
pub use memory::MemoryLedger;
pub use record::{LedgerIdentity, LedgerRecord, Seen, Standing};
pub(crate) use redact::redacted;
