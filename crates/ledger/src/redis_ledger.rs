//! A ledger in Redis.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use pilothouse::Ledger;
use pilothouse::ledger::{
    HistoryLine, HistoryQuery, LedgerChange, LedgerCommand, LedgerError, LedgerIdentity, LedgerRecord,
};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands as _, Pipeline, RedisError};
use serde::de::DeserializeOwned;

use crate::OpenError;
use crate::address::without_credentials;
use crate::error::Doing;

/// How many lines of history are kept for each controller.
const LINES: isize = 10_000;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// All controllers that anything is kept of.
const CONTROLLERS: &str = "pilothouse:controllers";
/// The commands that wait, by id.
const COMMANDS: &str = "pilothouse:commands";

/// A ledger in Redis, or what speaks as it does. Cloning shares its connection.
///
/// **Guarantees.** Each write is one transaction (`MULTI`). The last 10,000 lines of history of each controller are
/// kept. What has been written outlives this process; whether it outlives the server is for its configuration to say:
/// `appendonly yes`, and no eviction.
///
/// **Assumptions.** One cluster per database number; one server, not a Redis Cluster.
///
/// **Cancellation.** A write that is dropped may still be made, as a whole.
#[derive(Clone)]
pub struct RedisLedger {
    connection: ConnectionManager,
    address: String,
}

impl RedisLedger {
    /// Connects to `redis://USER:PASSWORD@HOST:PORT/NUMBER`, and again whenever the connection is lost.
    pub async fn open(address: &str) -> Result<Self, OpenError> {
        let shown = without_credentials(address);
        let failed = |source| OpenError::Redis { address: shown.clone(), source };
        let client = redis::Client::open(address).map_err(failed)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_number_of_retries(1);
        let connection = ConnectionManager::new_with_config(client, config).await.map_err(failed)?;
        Ok(Self { connection, address: shown })
    }

    async fn all_records(&self, controller: Option<&str>) -> Result<Vec<LedgerRecord>, LedgerError> {
        let mut connection = self.connection.clone();
        let controllers = self.controllers(controller).await?;
        let mut records: Vec<LedgerRecord> = Vec::new();
        for controller in controllers {
            let documents: Vec<String> = connection.hvals(records_of(&controller)).await.doing("read")?;
            records.extend(read::<LedgerRecord>(&documents)?);
        }
        records.sort_by(|one, two| one.identity.cmp(&two.identity));
        Ok(records)
    }

    async fn controllers(&self, controller: Option<&str>) -> Result<BTreeSet<String>, LedgerError> {
        match controller {
            Some(controller) => Ok(BTreeSet::from([controller.to_owned()])),
            None => self.connection.clone().smembers(CONTROLLERS).await.doing("read"),
        }
    }

    async fn make(&self, changes: &[LedgerChange]) -> Result<(), LedgerError> {
        let mut pipeline = redis::pipe();
        pipeline.atomic();
        let mut noted = BTreeSet::new();
        for change in changes {
            if let LedgerChange::Note(line) = change {
                noted.insert(&*line.identity.controller);
            }
            add(&mut pipeline, change)?;
        }
        for controller in noted {
            pipeline.ltrim(history_of(controller), 0, LINES - 1).ignore();
        }
        if changes.is_empty() {
            return Ok(());
        }
        pipeline.query_async(&mut self.connection.clone()).await.doing("write to")
    }

    async fn lines(&self, query: &HistoryQuery) -> Result<Vec<HistoryLine>, LedgerError> {
        let mut connection = self.connection.clone();
        let mut lines: Vec<HistoryLine> = Vec::new();
        for controller in self.controllers(query.controller.as_deref()).await? {
            let documents: Vec<String> =
                connection.lrange(history_of(&controller), 0, -1).await.doing("read")?;
            lines.extend(read::<HistoryLine>(&documents)?.into_iter().filter(|line| query.matches(line)));
        }
        if query.controller.is_none() {
            // Each is in its order already, which a stable sort keeps where times are equal.
            lines.sort_by_key(|line| std::cmp::Reverse(line.at));
        }
        lines.truncate(query.limit);
        Ok(lines)
    }

    async fn waiting(&self, controller: &str) -> Result<Vec<LedgerCommand>, LedgerError> {
        let documents: Vec<String> = self.connection.clone().hvals(COMMANDS).await.doing("read")?;
        let mut commands = read::<LedgerCommand>(&documents)?;
        commands.retain(|command| *command.identity.controller == *controller);
        commands.sort_by(|one, two| (one.at, &one.id).cmp(&(two.at, &two.id)));
        Ok(commands)
    }
}

/// Adds what makes one change.
fn add(pipeline: &mut Pipeline, change: &LedgerChange) -> Result<(), LedgerError> {
    match change {
        LedgerChange::Put(record) => {
            let document = serde_json::to_string(record).doing("write to")?;
            let controller = &*record.identity.controller;
            pipeline.hset(records_of(controller), field(&record.identity), document).ignore();
            pipeline.sadd(CONTROLLERS, controller).ignore();
        }
        LedgerChange::Remove(identity) => {
            pipeline.hdel(records_of(&identity.controller), field(identity)).ignore();
        }
        LedgerChange::Clear { controller } => {
            pipeline.del(records_of(controller)).ignore();
        }
        LedgerChange::Note(line) => {
            let document = serde_json::to_string(line).doing("write to")?;
            let controller = &*line.identity.controller;
            pipeline.lpush(history_of(controller), document).ignore();
            pipeline.sadd(CONTROLLERS, controller).ignore();
        }
        LedgerChange::Ask(command) => {
            let document = serde_json::to_string(command).doing("write to")?;
            pipeline.hset(COMMANDS, &command.id, document).ignore();
        }
        LedgerChange::Done { id } => {
            pipeline.hdel(COMMANDS, id).ignore();
        }
        _ => {}
    }
    Ok(())
}

fn records_of(controller: &str) -> String {
    format!("pilothouse:records:{controller}")
}

fn history_of(controller: &str) -> String {
    format!("pilothouse:history:{controller}")
}

/// The key of a record among those of its controller: names hold no slash.
fn field(identity: &LedgerIdentity) -> String {
    format!("{}/{}/{}", identity.key.namespace, identity.key.name, identity.uid)
}

fn read<T: DeserializeOwned>(documents: &[String]) -> Result<Vec<T>, LedgerError> {
    documents.iter().map(|document| serde_json::from_str(document).doing("read")).collect()
}

impl<T> Doing<T> for Result<T, RedisError> {
    fn doing(self, action: &'static str) -> Result<T, LedgerError> {
        self.map_err(|source| {
            let is_away = source.is_io_error() || source.is_timeout() || source.is_connection_dropped();
            let reason = if is_away { "LedgerUnreachable" } else { "LedgerStatementFailed" };
            LedgerError::new(action, reason, source)
        })
    }
}

impl Ledger for RedisLedger {
    fn records<'a>(
        &'a self,
        controller: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<LedgerRecord>, LedgerError>> {
        self.all_records(controller).boxed()
    }

    fn write<'a>(&'a self, changes: &'a [LedgerChange]) -> BoxFuture<'a, Result<(), LedgerError>> {
        self.make(changes).boxed()
    }

    fn history<'a>(
        &'a self,
        query: &'a HistoryQuery,
    ) -> BoxFuture<'a, Result<Vec<HistoryLine>, LedgerError>> {
        self.lines(query).boxed()
    }

    fn commands<'a>(&'a self, controller: &'a str) -> BoxFuture<'a, Result<Vec<LedgerCommand>, LedgerError>> {
        self.waiting(controller).boxed()
    }
}

impl fmt::Debug for RedisLedger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RedisLedger").field("address", &self.address).finish_non_exhaustive()
    }
}
