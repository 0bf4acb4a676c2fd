//! Elections against the API server in the same process, in paused time and without sockets.

mod chaos;
mod late;
mod managers;
mod network;
mod releasing;
mod renewing;
mod taking;
mod world;
