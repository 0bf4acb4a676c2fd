//! A controller in Pilothouse of something outside of the cluster: a `Bucket` is made at a provider that is slow,
//! fails and refuses, and outlives whatever happens to this process.
//!
//! [`bucket`] is the type, [`provider`] the provider's HTTP API and how it fails, [`reconciler`] what happens to a
//! bucket; [`command`] runs it as a process, with the rights in `deploy/rbac.yaml`.

mod bucket;
mod command;
mod provider;
mod reconciler;

pub use bucket::{Bucket, BucketSpec, BucketStatus};
pub use command::run;
pub use provider::{Provider, ProviderError, State};
pub use reconciler::{Buckets, FINALIZER, operator, outside_name};
