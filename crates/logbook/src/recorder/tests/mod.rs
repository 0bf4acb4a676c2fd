//! The recorder through its sinks: idempotence, order, gaps, and what survives a crash.

mod failures;
mod fixtures;
mod gaps;
mod replay;
mod streams;
