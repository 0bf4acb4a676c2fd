//! What a request asks for: its path, its query, its body and the form of answer it accepts.

mod accept;
mod call;
mod decode;
mod list_options;
mod path;
mod query;
mod write_options;

pub(crate) use accept::{Form, Representation, negotiate};
pub(crate) use call::{Call, include_object};
pub(crate) use decode::{decode_object, decode_options, parse_yaml};
pub(crate) use list_options::{ListOptions, VersionMatch, parse_revision};
pub(crate) use path::{ResourcePath, parse_path};
pub(crate) use query::{Query, percent_decode_path};
pub(crate) use write_options::{DeleteOptions, FieldValidation, Propagation, WriteOptions};
