//! Writing: one transaction per call.

use pilothouse::ledger::{
    HistoryLine, LedgerChange, LedgerCommand, LedgerError, LedgerIdentity, LedgerRecord,
};
use sqlx::AnyConnection;
use sqlx::{AssertSqlSafe, Row as _};

use crate::SqlLedger;
use crate::dialect::Dialect;
use crate::error::Doing;
use crate::group::{Group, groups};

const ACTION: &str = "write to";

const IDENTITY: [&str; 4] = ["controller", "namespace", "name", "uid"];
const RECORD: [&str; 5] = ["state", "reason", "attempts", "last_failure", "document"];
const COMMAND: [&str; 3] = ["asked", "controller", "document"];

/// Makes these changes, in this order, all or none.
pub(crate) async fn write(ledger: &SqlLedger, changes: &[LedgerChange]) -> Result<(), LedgerError> {
    let mut transaction = ledger.pool.begin().await.doing(ACTION)?;
    let dialect = ledger.dialect;
    let mut has_notes = false;
    for group in groups(changes) {
        match group {
            Group::Put(records) => put(&mut transaction, dialect, &records).await?,
            Group::Remove(identities) => remove(&mut transaction, dialect, &identities).await?,
            Group::Other(LedgerChange::Note(line)) => {
                note(&mut transaction, dialect, line).await?;
                has_notes = true;
            }
            Group::Other(LedgerChange::Clear { controller }) => {
                let text = "DELETE FROM pilothouse_record WHERE controller = ?";
                delete(&mut transaction, dialect, text, controller).await?;
            }
            Group::Other(LedgerChange::Ask(command)) => ask(&mut transaction, dialect, command).await?,
            Group::Other(LedgerChange::Done { id }) => {
                delete(&mut transaction, dialect, "DELETE FROM pilothouse_command WHERE id = ?", id).await?;
            }
            Group::Other(_) => {}
        }
    }
    if has_notes {
        prune(&mut transaction, dialect, ledger.lines).await?;
    }
    transaction.commit().await.doing(ACTION)
}

async fn put(
    connection: &mut AnyConnection,
    dialect: Dialect,
    records: &[&LedgerRecord],
) -> Result<(), LedgerError> {
    let text = dialect.upsert("pilothouse_record", &IDENTITY, &RECORD, records.len());
    let mut query = sqlx::query(AssertSqlSafe(text));
    for record in records {
        let LedgerIdentity { controller, key, uid } = &record.identity;
        query = query
            .bind(controller.to_string())
            .bind(key.namespace.to_string())
            .bind(key.name.to_string())
            .bind(uid.to_string())
            .bind(if record.is_parked() { "Parked" } else { "Retrying" })
            .bind(record.reason.clone())
            .bind(i64::try_from(record.attempts).unwrap_or(i64::MAX))
            .bind(record.last_failure.to_string())
            .bind(serde_json::to_string(record).doing(ACTION)?);
    }
    query.execute(connection).await.map(drop).doing(ACTION)
}

async fn remove(
    connection: &mut AnyConnection,
    dialect: Dialect,
    identities: &[&LedgerIdentity],
) -> Result<(), LedgerError> {
    const ONE: &str = "(controller = ? AND namespace = ? AND name = ? AND uid = ?)";
    let wanted = vec![ONE; identities.len()].join(" OR ");
    let text = dialect.statement(&format!("DELETE FROM pilothouse_record WHERE {wanted}"));
    let mut query = sqlx::query(AssertSqlSafe(text));
    for LedgerIdentity { controller, key, uid } in identities {
        query = query
            .bind(controller.to_string())
            .bind(key.namespace.to_string())
            .bind(key.name.to_string())
            .bind(uid.to_string());
    }
    query.execute(connection).await.map(drop).doing(ACTION)
}

async fn note(
    connection: &mut AnyConnection,
    dialect: Dialect,
    line: &HistoryLine,
) -> Result<(), LedgerError> {
    let text = dialect.statement(
        "INSERT INTO pilothouse_history (controller, namespace, name, at, event, document) VALUES (?, ?, ?, ?, ?, ?)",
    );
    let LedgerIdentity { controller, key, .. } = &line.identity;
    let query = sqlx::query(AssertSqlSafe(text))
        .bind(controller.to_string())
        .bind(key.namespace.to_string())
        .bind(key.name.to_string())
        .bind(line.at.to_string())
        .bind(line.event.as_str())
        .bind(serde_json::to_string(line).doing(ACTION)?);
    query.execute(connection).await.map(drop).doing(ACTION)
}

async fn ask(
    connection: &mut AnyConnection,
    dialect: Dialect,
    command: &LedgerCommand,
) -> Result<(), LedgerError> {
    let text = dialect.upsert("pilothouse_command", &["id"], &COMMAND, 1);
    let query = sqlx::query(AssertSqlSafe(text))
        .bind(command.id.clone())
        .bind(format!("{:.9}", command.at))
        .bind(command.identity.controller.to_string())
        .bind(serde_json::to_string(command).doing(ACTION)?);
    query.execute(connection).await.map(drop).doing(ACTION)
}

/// Deletes the rows of one value.
async fn delete(
    connection: &mut AnyConnection,
    dialect: Dialect,
    text: &str,
    value: &str,
) -> Result<(), LedgerError> {
    let query = sqlx::query(AssertSqlSafe(dialect.statement(text))).bind(value.to_owned());
    query.execute(connection).await.map(drop).doing(ACTION)
}

/// Forgets the oldest lines of history.
async fn prune(connection: &mut AnyConnection, dialect: Dialect, lines: i64) -> Result<(), LedgerError> {
    let newest = sqlx::query("SELECT max(id) FROM pilothouse_history").fetch_one(&mut *connection);
    let newest: i64 = newest.await.and_then(|row| row.try_get(0)).doing(ACTION)?;
    let text = dialect.statement("DELETE FROM pilothouse_history WHERE id <= ?");
    let query = sqlx::query(AssertSqlSafe(text)).bind(newest - lines);
    query.execute(connection).await.map(drop).doing(ACTION)
}
