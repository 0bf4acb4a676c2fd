//! A simulated cluster: the controllers that make jobs run, as ordinary Pilothouse controllers.
mod garbage;
mod hash;
mod job;
mod kubelet;
mod pace;
mod scheduler;
