//! How patches apply to an object: JSON patch (RFC 6902), JSON merge patch (RFC 7386), strategic merge patch,
//! server-side apply.
//!
//! All functions leave the object as it was when they fail. They know nothing of requests: reading the body, checking
//! the media type, and validating what comes out is the server's part.

mod directive;
mod error;
mod json;
mod ownership;
mod strategic;
mod strategic_list;

#[cfg(test)]
mod strategic_tests;

pub use error::{PatchError, StrategicProblem};
pub use json::{MAX_COPIED_BYTES, MAX_OPERATIONS, json_patch, merge_patch};
pub use ownership::{ApplyError, FieldConflict, FieldSet, FieldWrite, PathElement, apply, track_update};
pub use strategic::strategic_merge;
