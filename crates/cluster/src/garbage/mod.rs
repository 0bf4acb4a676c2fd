//! The garbage collector: deletes objects whose owners are gone.

mod collector;
mod decision;
mod graph;
mod node;

#[cfg(test)]
mod tests;
