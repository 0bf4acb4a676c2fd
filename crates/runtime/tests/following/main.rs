//! Caches and journals that follow the API server in the same process, in paused time and without sockets but where
//! these are what matters.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod caches;
mod forms;
mod http;
mod journals;
mod rotation;
mod world;
