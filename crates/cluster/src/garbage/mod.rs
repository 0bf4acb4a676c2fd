//! The garbage collector: deletes objects whose owners are gone.

mod decision;
mod graph;
mod node;

#[cfg(test)]
mod tests;
