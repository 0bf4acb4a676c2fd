//! A job's life drawn to scale: the strip of its states, and the chart of its waiting, its start and its pods.

mod chart;
mod scale;
mod segments;
mod strip;

pub(crate) use chart::chart;
pub(crate) use segments::{Segment, best_time, segments};
pub(crate) use strip::strip;
