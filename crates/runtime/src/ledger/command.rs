//! What somebody beside the process asks a controller to do.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::LedgerIdentity;

/// What to do with a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Verb {
    /// Try once more.
    Replay,
    /// Take it off the list.
    Drop,
}

/// One request, left in the ledger until the controller has done it: at once when it runs, else when it next starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerCommand {
    /// Unique; random.
    pub id: String,
    /// Which dead letter.
    #[serde(flatten)]
    pub identity: LedgerIdentity,
    /// What to do with it.
    pub verb: Verb,
    /// Who asks: goes into the history.
    pub by: String,
    /// When it was asked, by the clock of whoever asked.
    pub at: Timestamp,
}
