//! Handlers: code that an informer calls with each change, one after the other.
//!
//! [`Informer::handle`](super::Informer::handle) registers one and gives a [`Registration`], which takes it out
//! again. Each handler has a queue of its own, bounded like every subscription: a slow one delays nobody.

mod callback;
mod error;
mod options;
mod registration;
mod run;
#[cfg(test)]
mod tests;

pub use callback::Handler;
pub use error::{HandleError, HandlerPanic};
pub use options::{HandlerOptions, OnPanic};
pub use registration::Registration;
pub(super) use run::start;
