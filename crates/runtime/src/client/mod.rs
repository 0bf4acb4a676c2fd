//! Requests to the API server.
//!
//! [`Client`] wraps a `kube::Client` so that every request, also one made with plain `kube` types through
//! [`Client::kube`], passes one stack: flow control (a token bucket that serves in order), `Retry-After` and
//! bounded retries of what is safe to repeat, and metrics with client-go's names.

mod connection;
mod dynamic;
mod error;
mod fence;
mod flow;
mod handle;
mod limiter;
mod list;
mod list_reader;
mod options;
mod parameters;
mod patch;
mod push_back;
mod reach;
mod request;
mod response;
mod retry;
#[cfg(test)]
mod socket_tests;
mod sockets;
#[cfg(test)]
mod tests;
mod typed;

pub use error::ClientError;
pub(crate) use error::status_reason;
pub use handle::Client;
pub(crate) use list_reader::ListReader;
pub use options::{ClientOptions, Rate};
pub use parameters::{DeleteOptions, ListOptions, Propagation};
pub use patch::Patch;
pub(crate) use push_back::PushBack;
pub(crate) use reach::Reach;
pub(crate) use request::{Query, bare, collection_path};
pub(crate) use response::{failure_of, is_success};
pub(crate) use retry::send_once;
