//! What informers and reflectors show of themselves.
//!
//! **Flow.** Each of them counts in [`Instruments`] of its own. At a scrape, [`CacheMetrics`] takes a reading of each
//! that runs, under no lock of the registry, and writes the series of all of them. `docs/metrics.md` names them.
//!
//! **Guarantees.**
//!
//! - **C-I17** at a scrape no two series have the same labels, whatever names users gave; who has ended is not in it;
//! - **C-I18** a counter never goes back while the process lives, also when an informer ends and one of the same
//!   identity starts later: it counts on. Of those that ended, the 1024 that started last are remembered; what is
//!   forgotten starts at zero, which whoever computes a rate takes for a restart;
//! - **C-I19** a scrape waits for nobody: not for a filter or an index function that runs, not for the server, and so
//!   may come from within either. What is not to be had at once is as it was at the scrape before.
//!
//! The stream of events pays per batch, not per event: one relaxed addition per type of event in it, one observation
//! of the histogram, and two looks at the clock.

mod identity;
mod instruments;
mod ledger;
mod reading;
mod reasons;
#[cfg(test)]
mod reflector_tests;
mod scrape;
mod series;
#[cfg(test)]
mod tests;

pub(crate) use identity::Identity;
pub(crate) use instruments::Instruments;
pub(in crate::cache) use ledger::CacheMetrics;
pub(in crate::cache) use reading::{InformerReading, Reading, Subject};
