//! The stream of a watch: from the present state or a past revision on, one line per event.

mod lines;
mod stream;

pub(crate) use lines::WatchScope;
pub(crate) use stream::{WatchStart, WatchStream};
