//! `pilothouse deadletters`: what controllers have given up on, through a running manager or from the ledger.

mod age;
mod arguments;
mod error;
mod http;
mod print;
mod run;
mod source;

pub(crate) use arguments::{DeadlettersArguments, HELP};
pub(crate) use error::DeadlettersError;
pub(crate) use run::run;
