//! What a manager notes: lines on its standard output, which is a file.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

/// One line. Times are those of the machine's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Its caches are filled, and it has seen who leads.
    Ready,
    /// At a moment between these two it believed to lead.
    Leads { after: Duration, before: Duration },
    /// It sent a write and was answered.
    Wrote { sent: Duration, answered: Duration, term: u64, verb: String, outcome: String },
}

/// How a write that the server accepted is noted.
pub(crate) const ACCEPTED: &str = "ok";

impl Line {
    /// Writes the line with one system call, so that a kill leaves whole lines.
    pub(crate) fn note(&self) {
        let mut text = String::new();
        let _ = match self {
            Self::Ready => writeln!(text, "ready"),
            Self::Leads { after, before } => {
                writeln!(text, "leads {} {}", after.as_nanos(), before.as_nanos())
            }
            Self::Wrote { sent, answered, term, verb, outcome } => {
                writeln!(text, "wrote {} {} {term} {verb} {outcome}", sent.as_nanos(), answered.as_nanos())
            }
        };
        // Whoever reads is gone when the trial has ended.
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }

    /// Reads a line; `None` for half of one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let kind = words.next()?;
        let mut time = || words.next()?.parse().ok().map(Duration::from_nanos);
        let line = match kind {
            "ready" => Self::Ready,
            "leads" => Self::Leads { after: time()?, before: time()? },
            "wrote" => {
                let (sent, answered) = (time()?, time()?);
                let term = words.next()?.parse().ok()?;
                let (verb, outcome) = (words.next()?.to_owned(), words.next()?.to_owned());
                Self::Wrote { sent, answered, term, verb, outcome }
            }
            _ => return None,
        };
        Some(line)
    }
}
