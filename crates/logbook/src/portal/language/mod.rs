//! The portal's languages: one table of strings each, and the choice between them.

mod chinese;
mod choice;
mod english;
mod words;

pub(crate) use choice::Language;
pub(crate) use words::{FieldWords, Words, fill};
