//! PostgreSQL.

use super::Dialect;

/// Texts compare byte by byte, so that all databases give the same order.
pub(super) const DIALECT: Dialect = Dialect {
    schemes: &["postgres", "postgresql"],
    is_compiled_in: cfg!(feature = "postgres"),
    on_connect: &[],
    schema: &[
        "CREATE TABLE IF NOT EXISTS pilothouse_schema (version BIGINT NOT NULL)",
        r#"CREATE TABLE IF NOT EXISTS pilothouse_record (
            controller TEXT COLLATE "C" NOT NULL, namespace TEXT COLLATE "C" NOT NULL,
            name TEXT COLLATE "C" NOT NULL, uid TEXT COLLATE "C" NOT NULL,
            state TEXT NOT NULL, reason TEXT NOT NULL, attempts BIGINT NOT NULL, last_failure TEXT NOT NULL,
            document TEXT NOT NULL, PRIMARY KEY (controller, namespace, name, uid))"#,
        r#"CREATE TABLE IF NOT EXISTS pilothouse_history (
            id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            controller TEXT COLLATE "C" NOT NULL, namespace TEXT COLLATE "C" NOT NULL,
            name TEXT COLLATE "C" NOT NULL, at TEXT NOT NULL, event TEXT NOT NULL, document TEXT NOT NULL)"#,
        "CREATE INDEX IF NOT EXISTS pilothouse_history_key ON pilothouse_history (controller, namespace, name, id)",
        r#"CREATE TABLE IF NOT EXISTS pilothouse_command (
            id TEXT NOT NULL PRIMARY KEY, asked TEXT COLLATE "C" NOT NULL, controller TEXT NOT NULL,
            document TEXT NOT NULL)"#,
    ],
    is_numbered: true,
    on_conflict: "ON CONFLICT ({key}) DO UPDATE SET",
    assign: "{column} = excluded.{column}",
};
