//! What was set as the goal, and what was reached.

use crate::table::{Table, number};

/// What a figure has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    AtMost(f64),
    AtLeast(f64),
}

impl Wanted {
    /// The cells of one goal.
    pub(crate) fn row(self, goal: &str, measured: f64) -> Vec<String> {
        let (wanted, reached) = match self {
            Self::AtMost(limit) => (format!("<= {limit}"), measured <= limit),
            Self::AtLeast(limit) => (format!(">= {limit}"), measured >= limit),
        };
        let verdict = match measured {
            _ if measured.is_nan() => "not measured",
            _ if reached => "yes",
            _ => "no",
        };
        vec![goal.to_owned(), wanted, number(measured), verdict.to_owned()]
    }
}

/// The table that such rows go to.
pub(crate) fn table() -> Table {
    Table::new("### Targets", &["", "wanted", "measured", "reached"])
}
