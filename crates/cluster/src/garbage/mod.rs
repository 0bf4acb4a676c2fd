//! The garbage collector: deletes objects whose owners are gone.

mod collector;
mod decision;
mod graph;
mod node;

pub(crate) use collector::Collector;

#[cfg(test)]
mod tests;
