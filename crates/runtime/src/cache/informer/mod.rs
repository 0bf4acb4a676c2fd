//! Informers: one list and watch of one type, shared by everybody who asks.
//!
//! [`Informer`] is the handle, `Core` what its task works on, [`InformerFailure`] how that task can fail.

mod core;
mod failure;
mod follow;
mod handle;
mod subscribers;
#[cfg(test)]
mod tests;

pub(super) use self::core::Core;
pub(super) use failure::Failures;
pub use failure::InformerFailure;
pub use handle::Informer;
pub(super) use handle::{InformerSetup, WeakInformer};
