//! Controllers against the API server in the same process, in paused time and without sockets.

mod context;
mod outcomes;
mod own_writes;
mod sources;
mod stopping;
mod world;
