//! One database's way to say it.

use std::fmt::Write as _;

use super::{mysql, postgres, sqlite};

/// The dialect of one database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// The schemes of its addresses.
    pub(super) schemes: &'static [&'static str],
    pub(super) is_compiled_in: bool,
    /// What each new connection is told.
    pub(crate) on_connect: &'static [&'static str],
    /// How the tables are made. Each statement may be run again.
    pub(crate) schema: &'static [&'static str],
    /// Whether parameters are numbered (`$1`), or all `?`.
    pub(super) is_numbered: bool,
    /// What follows the values where a row of the same key is to be replaced; `{key}` are the columns of the key.
    pub(super) on_conflict: &'static str,
    /// How a column is set to the value that was not inserted; `{column}` is its name.
    pub(super) assign: &'static str,
}

const ALL: [Dialect; 3] = [sqlite::DIALECT, postgres::DIALECT, mysql::DIALECT];

impl Dialect {
    /// The dialect of an address, if it is known and compiled in.
    pub(crate) fn of(address: &str) -> Option<Self> {
        let scheme = address.split_once(':')?.0;
        ALL.into_iter().find(|one| one.is_compiled_in && one.schemes.contains(&scheme))
    }

    /// The schemes that were compiled in.
    pub(crate) fn known() -> String {
        let known = ALL.iter().filter(|one| one.is_compiled_in).map(|one| one.schemes[0]);
        let known: Vec<_> = known.collect();
        if known.is_empty() { "none".to_owned() } else { known.join(", ") }
    }

    /// Whether its database is a file.
    pub(crate) fn is_file(&self) -> bool {
        self.schemes == sqlite::DIALECT.schemes
    }

    /// A statement that was written with `?` for each parameter.
    pub(crate) fn statement(&self, text: &str) -> String {
        if !self.is_numbered {
            return text.to_owned();
        }
        let mut numbered = String::with_capacity(text.len() + 8);
        let mut number = 0;
        for found in text.chars() {
            if found == '?' {
                number += 1;
                // Writing to a string does not fail.
                let _ = write!(numbered, "${number}");
            } else {
                numbered.push(found);
            }
        }
        numbered
    }

    /// An insert of so many rows that replaces rows of the same key.
    pub(crate) fn upsert(&self, table: &str, key: &[&str], others: &[&str], rows: usize) -> String {
        let columns = [key, others].concat();
        let row = format!("({})", vec!["?"; columns.len()].join(", "));
        let assignments: Vec<_> =
            others.iter().map(|column| self.assign.replace("{column}", column)).collect();
        let text = format!(
            "INSERT INTO {table} ({}) VALUES {} {} {}",
            columns.join(", "),
            vec![row; rows].join(", "),
            self.on_conflict.replace("{key}", &key.join(", ")),
            assignments.join(", ")
        );
        self.statement(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upsert_reads_as_each_database_wants_it() {
        let text = |dialect: Dialect| dialect.upsert("t", &["a", "b"], &["c"], 2);
        assert_eq!(
            text(postgres::DIALECT),
            "INSERT INTO t (a, b, c) VALUES ($1, $2, $3), ($4, $5, $6) \
             ON CONFLICT (a, b) DO UPDATE SET c = excluded.c"
        );
        assert_eq!(
            text(mysql::DIALECT),
            "INSERT INTO t (a, b, c) VALUES (?, ?, ?), (?, ?, ?) ON DUPLICATE KEY UPDATE c = VALUES(c)"
        );
        assert_eq!(text(sqlite::DIALECT).matches('?').count(), 6);
    }
}
