//! Replays recorded conversations with a real API server and compares the answers field by field.

mod compare;
mod newer;
mod player;
mod scenario;

pub(crate) use player::play;
pub(crate) use scenario::load;
