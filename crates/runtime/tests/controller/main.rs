//! Controllers against the API server in the same process, in paused time and without sockets.

mod context;
mod dead_letters;
mod durability;
mod faults;
mod ledger;
mod outcomes;
mod own_writes;
mod push_back;
mod sources;
mod stopping;
mod trouble;
mod workers;
mod world;
