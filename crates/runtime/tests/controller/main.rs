//! Controllers against the API server in the same process, in paused time and without sockets.

mod batches;
mod context;
mod dead_letters;
mod dependencies;
mod durability;
mod faults;
mod ledger;
mod ledger_bounds;
mod lost_answers;
mod outcomes;
mod own_writes;
mod priorities;
mod push_back;
mod reads;
mod sources;
mod stopping;
mod trouble;
mod waiting;
mod watching;
mod workers;
mod world;
