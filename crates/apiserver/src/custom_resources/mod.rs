//! Custom resources: definitions come and go as objects, and their types with them.
//!
//! [`DefinitionStrategy`] judges definitions and serves what they define; [`resource`] holds the rules of the types
//! themselves: [`structural`] prunes and fills defaults, [`validation`] says what is wrong.

mod definition;
mod formats;
mod lifecycle;
mod resource;
mod structural;
mod validation;

pub(crate) use definition::DefinitionStrategy;
