//! What one scan of an object's bytes tells, without decoding the object.
//!
//! A cache keeps objects as the bytes the server sent and decodes them when somebody looks. What it needs
//! at once (key, versions, labels, owners) comes from one pass over those bytes, which also validates them:
//! UTF-8 and JSON structure. The noise of `managedFields` is cut at byte level.

mod normalise;
mod scan;
#[cfg(test)]
mod tests;

pub use normalise::normalise;
pub use scan::{ObjectHeader, OwnerHeader, ScanError, ScannedObject, scan};
