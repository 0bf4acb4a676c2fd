//! The scan: bytes of one object in, header out.

use super::{Interner, ScanError, ScannedObject, compact, deserialize};
use crate::json::Outline;

/// Reads headers, one object after the other.
///
/// **Flow.** Keeps what headers share (its [`Interner`]) and its scratch space from object to object, so whoever reads
/// many objects of a kind keeps one.
#[derive(Debug, Default)]
pub struct Scanner {
    pub(super) interner: Interner,
    outline: Outline,
}

impl Scanner {
    /// A scanner that has seen nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the header of the object in `json` and validates the rest without building it.
    ///
    /// The whole input must be one JSON object with `metadata.name`; anything else is an error. What passes,
    /// `serde_json` reads into any type that its values fit, except for the value of `metadata.managedFields`, which
    /// [`normalise`](super::normalise) cuts: of that, only brackets, strings and encoding are sure to be right.
    pub fn scan(&mut self, json: &[u8]) -> Result<ScannedObject, ScanError> {
        // Compact text, as servers write, takes the short way; a parser has the last word on all else.
        if self.outline.read(json)
            && let Some(scanned) = compact::read(json, &self.outline, &mut self.interner)
        {
            return Ok(scanned);
        }
        deserialize::read(json, &mut self.interner)
    }
}

/// [`Scanner::scan`] for a single object, which shares nothing with others.
pub fn scan(json: &[u8]) -> Result<ScannedObject, ScanError> {
    Scanner::new().scan(json)
}
