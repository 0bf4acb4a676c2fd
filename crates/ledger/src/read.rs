//! Reading.

use pilothouse::ledger::{HistoryLine, HistoryQuery, LedgerCommand, LedgerError, LedgerRecord};
use serde::de::DeserializeOwned;
use sqlx::AssertSqlSafe;

use crate::SqlLedger;
use crate::error::Doing;

const ACTION: &str = "read";

pub(crate) async fn records(
    ledger: &SqlLedger,
    controller: Option<&str>,
) -> Result<Vec<LedgerRecord>, LedgerError> {
    let wanted = if controller.is_some() { "WHERE controller = ?" } else { "" };
    let text =
        format!("SELECT document FROM pilothouse_record {wanted} ORDER BY controller, namespace, name, uid");
    documents(ledger, &text, controller.map(str::to_owned).into_iter().collect()).await
}

pub(crate) async fn history(
    ledger: &SqlLedger,
    query: &HistoryQuery,
) -> Result<Vec<HistoryLine>, LedgerError> {
    let mut conditions = vec!["1 = 1"];
    let mut values = Vec::new();
    if let Some(controller) = &query.controller {
        conditions.push("controller = ?");
        values.push(controller.clone());
    }
    if let Some(key) = &query.key {
        conditions.push("namespace = ? AND name = ?");
        values.extend([key.namespace.to_string(), key.name.to_string()]);
    }
    let (wanted, limit) = (conditions.join(" AND "), query.limit);
    let text =
        format!("SELECT document FROM pilothouse_history WHERE {wanted} ORDER BY id DESC LIMIT {limit}");
    documents(ledger, &text, values).await
}

pub(crate) async fn commands(
    ledger: &SqlLedger,
    controller: &str,
) -> Result<Vec<LedgerCommand>, LedgerError> {
    let text = "SELECT document FROM pilothouse_command WHERE controller = ? ORDER BY asked, id";
    documents(ledger, text, vec![controller.to_owned()]).await
}

/// The documents that a statement gives.
async fn documents<T: DeserializeOwned>(
    ledger: &SqlLedger,
    text: &str,
    values: Vec<String>,
) -> Result<Vec<T>, LedgerError> {
    let mut query = sqlx::query_as::<_, (String,)>(AssertSqlSafe(ledger.dialect.statement(text)));
    for value in values {
        query = query.bind(value);
    }
    let rows = query.fetch_all(&ledger.pool).await.doing(ACTION)?;
    rows.iter().map(|(document,)| serde_json::from_str(document).doing(ACTION)).collect()
}
