//! A stand-in for the kubelets of all nodes: it makes bound pods run, end and go away, in simulated time.

mod command;
mod containers;
mod init;
mod lifecycle;
mod report;
mod script;

#[cfg(test)]
mod tests;
