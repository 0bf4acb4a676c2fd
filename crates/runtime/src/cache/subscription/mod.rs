//! Subscribers of an informer.
//!
//! A [`Subscription`] gets the latest change per object: for controllers. A [`LosslessSubscription`] gets every
//! version: for journals. Both start from the state there is, read from the store in key order, and both are
//! bounded whatever the subscriber does.

mod coalescing;
mod cursor;
mod filter;
mod lag;
mod listener;
mod lossless;
mod options;
mod queue;
mod resync;
mod slots;
mod synced;
#[cfg(test)]
mod tests;
mod versions;

pub use coalescing::Subscription;
pub(super) use filter::Filter;
pub use lag::Lag;
pub(super) use listener::Listener;
pub use lossless::{Gap, LosslessEvent, LosslessSubscription};
pub use options::{LosslessOptions, SubscriptionOptions, WhenFull};
pub use synced::Synced;
