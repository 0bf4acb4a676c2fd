//! What differs between the databases.

mod mysql;
mod postgres;
mod sqlite;
mod words;

pub(crate) use words::Dialect;
