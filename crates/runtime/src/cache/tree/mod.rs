//! An ordered set that is copied in one step: what a store and its indexes are made of.
//!
//! A B+ tree whose nodes are shared between copies. A write changes the nodes on its path in place when nobody
//! else holds them, and copies just those when somebody does. What `imbl` offers would do but for one thing:
//! its inner nodes hold copies of entries, which would keep outdated objects alive; here they hold keys.

mod build;
mod iter;
mod leaf;
mod node;
mod set;
#[cfg(test)]
mod tests;

pub(super) use node::Entry;
pub(super) use set::Tree;
