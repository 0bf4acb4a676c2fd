//! Stand-ins for the programs of `KUBEBUILDER_ASSETS`: what envtest of controller-runtime, and its relatives in other
//! languages, start as `kube-apiserver` and `etcd`.
//!
//! `pilothouse envtest` makes a folder in which both names are this program; under such a name it understands the flags
//! that envtest passes. Flags that it does not know are passed over: a test says how the real program should run.

mod api_server;
mod etcd;
mod flags;
mod folder;
mod stand_in;

pub(crate) use folder::make;
pub(crate) use stand_in::StandIn;
