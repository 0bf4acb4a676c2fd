//! What one scan of an object's bytes tells, without decoding the object.
//!
//! A cache keeps objects as the bytes the server sent and decodes them when somebody looks. What it needs
//! at once (key, versions, labels, owners) comes from one pass over those bytes, which also validates them:
//! UTF-8 and JSON structure. The noise of `managedFields` is cut at byte level.

mod compact;
mod cut_protobuf;
mod deserialize;
mod error;
mod hash;
mod interner;
mod labels;
mod normalise;
mod object;
mod scan_protobuf;
#[cfg(test)]
mod scan_protobuf_tests;
mod scanner;
#[cfg(test)]
mod tests;
mod uid;

pub use cut_protobuf::cut_managed_fields;
pub use error::{ScanError, ScanFailure};
pub use interner::{Interner, OwnerFields};
pub use labels::LabelSet;
pub use normalise::normalise;
pub use object::{ObjectHeader, OwnerHeader, ScannedObject};
pub use scanner::{Scanner, scan};
pub use uid::Uid;
