//! The life of a process: what starts in which order, what ends it, and how it stops.

mod shutdown;

pub use shutdown::Shutdown;
