//! Tables for people.

use std::fmt::Write as _;

use jiff::Timestamp;
use pilothouse::ledger::{HistoryLine, LedgerRecord, Standing, Verb};

use super::age::age;
use super::source::Changed;

/// How much of a message a table shows.
const MESSAGE: usize = 60;

/// One line per dead letter.
pub(crate) fn list(records: &[LedgerRecord], now: Timestamp) -> String {
    if records.is_empty() {
        return "No dead letters.\n".to_owned();
    }
    let head = ["CONTROLLER", "OBJECT", "REASON", "ATTEMPTS", "PARKED", "MESSAGE"].map(str::to_owned);
    let rows = records.iter().map(|record| {
        [
            record.identity.controller.to_string(),
            record.identity.key.to_string(),
            record.reason.clone(),
            record.attempts.to_string(),
            age(since(record), now),
            short(record.causes.last().map_or("", String::as_str)),
        ]
    });
    table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

fn since(record: &LedgerRecord) -> Timestamp {
    match record.standing {
        Standing::Parked { since } => since,
        Standing::Retrying { .. } => record.last_failure,
    }
}

/// The beginning of a message, on one line. What a terminal would obey is left out.
fn short(message: &str) -> String {
    let line: String = message.chars().map(|found| if found.is_control() { ' ' } else { found }).collect();
    if line.chars().count() <= MESSAGE {
        return line;
    }
    line.chars().take(MESSAGE - 1).chain(['…']).collect()
}

/// Columns as wide as their widest cell.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("   ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Everything about one dead letter.
pub(crate) fn show(record: &LedgerRecord, history: &[HistoryLine], now: Timestamp) -> String {
    let told = |time: Timestamp| format!("{time:.0} ({} ago)", age(time, now));
    let labels = match &record.labels {
        Some(labels) if labels.is_empty() => "none".to_owned(),
        Some(labels) => {
            labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
        }
        None => "too long to be kept".to_owned(),
    };
    let facts = [
        ("Object", format!("{} {}", record.resource, record.identity.key)),
        ("Uid", record.identity.uid.to_string()),
        ("Controller", record.identity.controller.to_string()),
        ("Reason", record.reason.clone()),
        ("Attempts", record.attempts.to_string()),
        ("First failure", told(record.first_failure)),
        ("Last failure", told(record.last_failure)),
        ("Parked", told(since(record))),
        ("Labels", labels),
    ];
    let mut text = String::new();
    for (name, value) in facts {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name:<14} {value}");
    }
    text.push_str("Error\n");
    for cause in &record.causes {
        let _ = writeln!(text, "  {}", plain(cause));
    }
    text.push_str("History\n");
    let lines = history.iter().map(|line| {
        let (event, time) = (line.event.as_str().to_owned(), format!("  {:.0}", line.at));
        [time, event, plain(&line.by), line.reason.clone()]
    });
    text.push_str(&table(&lines.collect::<Vec<_>>()));
    text
}

fn plain(text: &str) -> String {
    text.chars().filter(|found| !found.is_control() || *found == '\n').collect()
}

/// What became of a change.
pub(crate) fn changed(verb: Verb, changed: Changed) -> String {
    let Changed { count, is_done } = changed;
    let letters = if count == 1 { "dead letter" } else { "dead letters" };
    match (verb, is_done) {
        _ if count == 0 => "No dead letter fits.\n".to_owned(),
        (Verb::Replay, true) => format!("Replayed {count} {letters}.\n"),
        (Verb::Drop, true) => format!("Dropped {count} {letters}.\n"),
        (Verb::Replay, false) => format!("Asked to replay {count} {letters}. {LATER}\n"),
        (Verb::Drop, false) => format!("Asked to drop {count} {letters}. {LATER}\n"),
    }
}

const LATER: &str = "A running controller does so within two seconds, others when they start.";
