//! Replica sets and deployments: pods that are to run on, and their rollouts.

mod deployment;
mod reconcilers;
mod replica_set;
mod rollout;

pub(crate) use reconcilers::{Deployments, ReplicaSets};

#[cfg(test)]
mod tests;
