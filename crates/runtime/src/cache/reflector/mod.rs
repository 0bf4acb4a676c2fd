//! Following the server: list, then watch, for ever.
//!
//! The reflector is a state machine that is pulled: [`Reflector::next`] does the next step and answers with
//! what it brought. Whoever pulls decides about back-pressure and about the end. The rules (what to list after
//! which failure, when to go on watching) are those of conformance R1 to R22.

mod backoff;
mod batch;
mod event;
mod list;
mod machine;
mod metrics;
mod options;
mod status;
mod stream;
#[cfg(test)]
mod stream_tests;
mod take;
#[cfg(test)]
mod tests;
mod watch;
mod wire;
#[cfg(test)]
mod wire_tests;

pub(crate) use event::{ListCause, ListEnd, ReflectorEvent, Unreadable, WatchEvent};
pub(crate) use machine::Reflector;
pub(crate) use metrics::ReflectorMetrics;
pub(crate) use options::ReflectorOptions;
