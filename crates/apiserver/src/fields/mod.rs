//! Fields that a type does not have, values of the wrong type, and empty fields that Go would not write.

mod check;
mod document;
mod shape;

pub(crate) use check::{check_body, check_patched, message_of, tidy};
pub(crate) use document::parse_json;
