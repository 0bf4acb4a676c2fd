//! What became of parked objects: the audit lines.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::LedgerIdentity;
use crate::ObjectKey;

/// What happened to a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HistoryEvent {
    /// The controller gave up.
    Parked,
    /// Somebody asked for another attempt.
    Replayed,
    /// Somebody took it off the list.
    Dropped,
    /// It left the list because its object changed, was replaced or deleted.
    Left,
}

impl HistoryEvent {
    /// The stable word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Parked => "Parked",
            Self::Replayed => "Replayed",
            Self::Dropped => "Dropped",
            Self::Left => "Left",
        }
    }
}

impl std::str::FromStr for HistoryEvent {
    type Err = UnknownEvent;

    fn from_str(text: &str) -> Result<Self, UnknownEvent> {
        let all = [Self::Parked, Self::Replayed, Self::Dropped, Self::Left];
        all.into_iter().find(|event| event.as_str() == text).ok_or_else(|| UnknownEvent(text.to_owned()))
    }
}

/// The word is none of an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {0:?} as what happened to a dead letter")]
pub struct UnknownEvent(String);

/// One line of the audit: who did what to which dead letter, when, and why it was one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryLine {
    /// Which one.
    #[serde(flatten)]
    pub identity: LedgerIdentity,
    /// The object's type, as `deployments.apps/v1`.
    pub resource: Arc<str>,
    /// When, by the clock of the process.
    pub at: Timestamp,
    /// What.
    pub event: HistoryEvent,
    /// Who: a person or program as it named itself, or `controller`.
    pub by: String,
    /// Why it was parked: a stable `CamelCase` word.
    pub reason: String,
    /// After how many failures in a row.
    pub attempts: u64,
}

/// Which lines of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Of this controller; of all when `None`.
    pub controller: Option<String>,
    /// Of this object, all its lives; of all when `None`.
    pub key: Option<ObjectKey>,
    /// How many lines at most.
    pub limit: usize,
}

impl HistoryQuery {
    /// Whether a line is asked for, apart from the limit.
    #[must_use]
    pub fn matches(&self, line: &HistoryLine) -> bool {
        self.controller.as_deref().is_none_or(|controller| controller == &*line.identity.controller)
            && self.key.as_ref().is_none_or(|key| *key == line.identity.key)
    }
}
