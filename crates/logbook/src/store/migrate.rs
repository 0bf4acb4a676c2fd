//! Brings a database file to the schema this program knows.

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Row};

use super::StoreError;
use super::error::Doing;

/// One script per schema number, in order from 1. A script that has shipped is never edited.
const SCRIPTS: &[&str] = &[include_str!("schema_1.sql"), include_str!("schema_2.sql")];

/// Runs the scripts that the file has not seen, each in one transaction with the schema number it leads to.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    const ACTION: &str = "bring the schema up to date";
    let row = sqlx::query("PRAGMA user_version").fetch_one(&mut *connection).await.doing(ACTION)?;
    let found: i64 = row.try_get(0).doing(ACTION)?;
    let known = i64::try_from(SCRIPTS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    for (number, script) in (1_i64..).zip(SCRIPTS.iter().copied()) {
        if number <= found {
            continue;
        }
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.doing(ACTION)?;
        sqlx::raw_sql(script).execute(&mut *transaction).await.doing(ACTION)?;
        let set_version = sqlx::AssertSqlSafe(format!("PRAGMA user_version = {number}"));
        sqlx::raw_sql(set_version).execute(&mut *transaction).await.doing(ACTION)?;
        transaction.commit().await.doing(ACTION)?;
    }
    Ok(())
}
