//! Caches and journals that follow the API server in the same process, in paused time and without sockets.

mod caches;
mod journals;
mod world;
