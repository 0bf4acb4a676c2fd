//! The promises of subscriptions, without a server.

mod bounds;
mod coalescing;
mod filtering;
mod histories;
mod lossless;
mod resync;
mod starting;
