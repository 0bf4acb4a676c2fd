//! The scheduler: binds pending pods to nodes with room.

mod fit;
mod ledger;
mod quantity;
mod request;

#[cfg(test)]
mod tests;
