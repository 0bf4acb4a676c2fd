//! MySQL and `MariaDB`.

use super::Dialect;

/// Texts compare byte by byte; lengths keep the primary key within the 3072 bytes that `InnoDB` allows.
pub(super) const DIALECT: Dialect = Dialect {
    schemes: &["mysql", "mariadb"],
    is_compiled_in: cfg!(feature = "mysql"),
    on_connect: &[],
    schema: &[
        "CREATE TABLE IF NOT EXISTS pilothouse_schema (version BIGINT NOT NULL)",
        "CREATE TABLE IF NOT EXISTS pilothouse_record (
            controller VARCHAR(253) NOT NULL, namespace VARCHAR(63) NOT NULL, name VARCHAR(253) NOT NULL,
            uid VARCHAR(128) NOT NULL, state VARCHAR(16) NOT NULL, reason VARCHAR(64) NOT NULL,
            attempts BIGINT NOT NULL, last_failure VARCHAR(40) NOT NULL, document MEDIUMTEXT NOT NULL,
            PRIMARY KEY (controller, namespace, name, uid)) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        "CREATE TABLE IF NOT EXISTS pilothouse_history (
            id BIGINT AUTO_INCREMENT PRIMARY KEY, controller VARCHAR(253) NOT NULL, namespace VARCHAR(63) NOT NULL,
            name VARCHAR(253) NOT NULL, at VARCHAR(40) NOT NULL, event VARCHAR(16) NOT NULL,
            document MEDIUMTEXT NOT NULL, INDEX pilothouse_history_key (controller, namespace, name, id)
            ) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        "CREATE TABLE IF NOT EXISTS pilothouse_command (
            id VARCHAR(64) NOT NULL PRIMARY KEY, asked VARCHAR(40) NOT NULL, controller VARCHAR(253) NOT NULL,
            document MEDIUMTEXT NOT NULL) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    ],
    is_numbered: false,
    on_conflict: "ON DUPLICATE KEY UPDATE",
    assign: "{column} = VALUES({column})",
};
