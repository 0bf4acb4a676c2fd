//! The scheduler: binds pending pods to nodes with room.

mod events;
mod fit;
mod ledger;
mod quantity;
mod request;
mod run;

pub(crate) use run::run;

#[cfg(test)]
mod tests;
