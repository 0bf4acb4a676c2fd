//! How patches apply to an object: JSON patch (RFC 6902) and JSON merge patch (RFC 7386).
//!
//! All functions leave the object as it was when they fail. They know nothing of requests: reading the body, checking
//! the media type, and validating what comes out is the server's part.

mod error;
mod json;

pub use error::PatchError;
pub use json::{MAX_COPIED_BYTES, MAX_OPERATIONS, json_patch, merge_patch};
