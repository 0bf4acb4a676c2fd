//! Notifications that arrive: an outbox in the transaction of the transition, a dispatcher that empties it.
//!
//! **Flow.** The recorder queues one row per transition and subscription, with the finished payload, in the
//! transaction that records the transition. The dispatcher takes what is due, sends it, and writes down how that
//! went; what fails is tried again later, what is refused for good or fails too often ends as dead.
//!
//! **Guarantees.** At least once, with the same message id on every try, so that a receiver can tell repetitions.
//! Per destination, the notifications of one job go out in order. One destination never delays another.

mod backoff;
mod destination;
mod dispatcher;
mod http;
mod outgoing;
mod secret;
mod sender;
mod signature;
#[cfg(test)]
mod tests;

pub use backoff::RetrySchedule;
pub use destination::{Destination, DestinationError};
pub use dispatcher::Dispatcher;
pub use http::HttpSender;
pub use secret::SigningSecret;
pub use sender::{Message, SendError, Sender};

pub(crate) use outgoing::{Announcement, Subscription, enqueue, register};
