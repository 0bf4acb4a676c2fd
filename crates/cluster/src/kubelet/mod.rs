//! A stand-in for the kubelets of all nodes: it makes bound pods run, end and go away, in simulated time.

mod command;
mod containers;
mod init;
mod lifecycle;
mod reconciler;
mod report;
mod script;

pub(crate) use reconciler::Kubelet;

#[cfg(test)]
mod tests;
