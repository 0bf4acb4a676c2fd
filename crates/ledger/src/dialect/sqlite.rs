//! SQLite: one file.

use super::Dialect;

/// The write-ahead log with `synchronous=NORMAL`: a commit survives the end of the process, however it ends, and the
/// last ones may be lost with the power.
pub(super) const DIALECT: Dialect = Dialect {
    schemes: &["sqlite"],
    is_compiled_in: cfg!(feature = "sqlite"),
    on_connect: &["PRAGMA busy_timeout = 5000", "PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL"],
    schema: &[
        "CREATE TABLE IF NOT EXISTS pilothouse_schema (version INTEGER NOT NULL)",
        "CREATE TABLE IF NOT EXISTS pilothouse_record (
            controller TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL,
            state TEXT NOT NULL, reason TEXT NOT NULL, attempts INTEGER NOT NULL, last_failure TEXT NOT NULL,
            document TEXT NOT NULL, PRIMARY KEY (controller, namespace, name, uid)) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS pilothouse_history (
            id INTEGER PRIMARY KEY AUTOINCREMENT, controller TEXT NOT NULL, namespace TEXT NOT NULL,
            name TEXT NOT NULL, at TEXT NOT NULL, event TEXT NOT NULL, document TEXT NOT NULL)",
        "CREATE INDEX IF NOT EXISTS pilothouse_history_key ON pilothouse_history (controller, namespace, name, id)",
        "CREATE TABLE IF NOT EXISTS pilothouse_command (
            id TEXT NOT NULL PRIMARY KEY, asked TEXT NOT NULL, controller TEXT NOT NULL, document TEXT NOT NULL)",
    ],
    is_numbered: false,
    on_conflict: "ON CONFLICT ({key}) DO UPDATE SET",
    assign: "{column} = excluded.{column}",
};
