//! Kubernetes protobuf bodies (`application/vnd.kubernetes.protobuf`) to JSON values and back.
//!
//! A body is the four bytes `k8s\0` and a `runtime.Unknown` message: apiVersion and kind, then the object's own bytes.
//! Both ways are driven by [`Schema::builtin`](crate::schema::Schema::builtin), so all built-in kinds work.
//!
//! [`decode`] gives what Go's JSON encoder writes for the same object, because that is what a client which speaks JSON
//! would have sent: zero values of fields marked `omitempty` vanish; zero structs stay (`"status": {}`,
//! `"resources": {}`); fields without `omitempty` are there, null for a nil list, map or pointer (`"rules": null`,
//! `"lastTimestamp": null`). Fields that the table does not know are skipped, as Go skips them.

mod collections;
mod envelope;
mod error;
mod failure;
mod fields;
mod from_wire;
mod gather;
pub(crate) mod layout;
mod scalar;
mod special;
pub(crate) mod time_text;
mod to_json;
mod to_wire;
mod typed;
pub(crate) mod validate;
mod value;
pub(crate) mod wire;

#[cfg(test)]
pub(crate) mod test_objects;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod typed_tests;

pub(crate) use envelope::Unknown;
pub use envelope::{MAGIC, MEDIA_TYPE, decode, encode, encode_list, encode_message, envelope, watch_frame};
pub use error::{DecodeError, EncodeError, ValueError, WireError};
pub use scalar::field;
pub use to_json::to_json;
pub use typed::from_message;
