//! The scan: bytes of one object in, header out.

use super::{Interner, ScanError, ScannedObject, deserialize};

/// Reads headers, one object after the other.
///
/// **Flow.** Keeps what headers share (its [`Interner`]) and its scratch space from object to object, so whoever reads
/// many objects of a kind keeps one.
#[derive(Debug, Default)]
pub struct Scanner {
    pub(super) interner: Interner,
}

impl Scanner {
    /// A scanner that has seen nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the header of the object in `json` and validates the rest without building it.
    ///
    /// The whole input must be one JSON object with `metadata.name`; anything else is an error.
    pub fn scan(&mut self, json: &[u8]) -> Result<ScannedObject, ScanError> {
        deserialize::read(json, &mut self.interner)
    }
}

/// [`Scanner::scan`] for a single object, which shares nothing with others.
pub fn scan(json: &[u8]) -> Result<ScannedObject, ScanError> {
    Scanner::new().scan(json)
}
