//! Where dead letters are read and changed: a manager, or its ledger.

use http::Method;
use pilothouse::ledger::{HistoryLine, HistoryQuery, LedgerChange, LedgerCommand, LedgerRecord, Verb};
use pilothouse::{DeadLetterSelector, Environment, Ledger};
use pilothouse_ledger::{RedisLedger, SqlLedger};
use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::DeadlettersError;
use super::arguments::DeadlettersArguments;
use super::http::{ManagerClient, query};

/// More than any controller keeps.
const ALL: usize = 1_000_000;

pub(crate) enum Source {
    Manager(ManagerClient),
    Ledger(Box<dyn Ledger>),
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) count: usize,
    /// Whether it has happened, or will.
    pub(crate) is_done: bool,
}

impl Source {
    pub(crate) async fn of(arguments: &DeadlettersArguments) -> Result<Self, DeadlettersError> {
        match &arguments.ledger {
            Some(address) => {
                let ledger: Result<Box<dyn Ledger>, _> = if address.starts_with("redis") {
                    RedisLedger::open(address).await.map(|ledger| Box::new(ledger) as _)
                } else {
                    SqlLedger::open_existing(address).await.map(|ledger| Box::new(ledger) as _)
                };
                ledger.map(Self::Ledger).map_err(|source| DeadlettersError::Open { source })
            }
            None => ManagerClient::new(arguments).map(Self::Manager),
        }
    }

    pub(crate) async fn list(
        &self,
        selector: &DeadLetterSelector,
    ) -> Result<Vec<LedgerRecord>, DeadlettersError> {
        match self {
            Self::Manager(manager) => {
                let mut query = query(selector);
                query.push(("limit", ALL.to_string()));
                let answer = manager.send(Method::GET, "", &query, None).await?;
                items(&answer).map_err(|source| manager.unreadable(source))
            }
            Self::Ledger(ledger) => {
                let records = ledger.records(selector.controller.as_deref()).await;
                let records = records.map_err(|source| DeadlettersError::Ledger { source })?;
                let is_meant = |record: &LedgerRecord| record.is_parked() && selector.matches(record);
                Ok(records.into_iter().filter(is_meant).collect())
            }
        }
    }

    /// What became of one object, newest first.
    pub(crate) async fn history(&self, record: &LedgerRecord) -> Result<Vec<HistoryLine>, DeadlettersError> {
        const LINES: usize = 20;
        let identity = &record.identity;
        match self {
            Self::Manager(manager) => {
                let query = [
                    ("controller", identity.controller.to_string()),
                    ("namespace", identity.key.namespace.to_string()),
                    ("name", identity.key.name.to_string()),
                    ("limit", LINES.to_string()),
                ];
                let answer = manager.send(Method::GET, "/history", &query, None).await?;
                items(&answer).map_err(|source| manager.unreadable(source))
            }
            Self::Ledger(ledger) => {
                let (controller, key) = (Some(identity.controller.to_string()), Some(identity.key.clone()));
                let query = HistoryQuery { controller, key, limit: LINES };
                ledger.history(&query).await.map_err(|source| DeadlettersError::Ledger { source })
            }
        }
    }

    pub(crate) async fn change(
        &self,
        verb: Verb,
        selector: &DeadLetterSelector,
        by: &str,
    ) -> Result<Changed, DeadlettersError> {
        match self {
            Self::Manager(manager) => {
                let mut query = query(selector);
                if query.is_empty() {
                    query.push(("all", "true".to_owned()));
                }
                let (method, path) = match verb {
                    Verb::Replay => (Method::POST, "/replay"),
                    Verb::Drop => (Method::DELETE, ""),
                };
                let answer = manager.send(method, path, &query, Some(by)).await?;
                let count =
                    usize::deserialize(&answer["count"]).map_err(|source| manager.unreadable(source))?;
                Ok(Changed { count, is_done: true })
            }
            Self::Ledger(ledger) => {
                let environment = Environment::real();
                let ask = |record: LedgerRecord| {
                    LedgerChange::Ask(LedgerCommand {
                        id: environment.random_uuid(),
                        identity: record.identity,
                        verb,
                        by: by.to_owned(),
                        at: environment.now(),
                    })
                };
                let asks: Vec<_> = self.list(selector).await?.into_iter().map(ask).collect();
                let written = ledger.write(&asks).await;
                written.map_err(|source| DeadlettersError::Ledger { source })?;
                Ok(Changed { count: asks.len(), is_done: false })
            }
        }
    }
}

fn items<T: DeserializeOwned>(answer: &Value) -> Result<Vec<T>, serde_json::Error> {
    Vec::deserialize(&answer["items"])
}
