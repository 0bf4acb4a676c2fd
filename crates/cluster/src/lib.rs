//! A simulated cluster: what makes jobs run, as ordinary Pilothouse controllers.
//!
//! [`SimulatedCluster`] adds to a manager what a real cluster has behind its API server: a job controller, a
//! scheduler, a stand-in for the kubelets, a garbage collector, a namespace controller and, for what is to run on,
//! the controllers of deployments and replica sets. They only use the public API of the runtime, and they work
//! against any API server; `pilothouse-apiserver` is the one they are tested with. Each is split in two: a
//! decision without I/O (what is there, what time is it, what has to be written), and a thin part that carries it out.
//!
//! # What a pod does
//!
//! No process runs. A pod's annotations say how its containers go; jobs set them in their pod template. All share the
//! prefix `simulation.pilothouse.dev/`:
//!
//! | annotation | value | meaning |
//! |---|---|---|
//! | `run-seconds` | seconds, or `forever` | how long each container runs |
//! | `pull-seconds` | seconds | from the acceptance of the pod to its containers' start |
//! | `stop-seconds` | seconds (0.5) | from the request to stop to the exit; beyond the grace period: killed |
//! | `exit-code` | 0 to 255 | how the containers end |
//! | `reason` | as `OOMKilled` | the reason they end with; alone, it also decides the code (`OOMKilled`: 137) |
//! | `fail-first-attempts` | a number | so many runs fail, over restarts and pods of the same job (and index) |
//! | `image-error` | `true`, or a message | the image cannot be pulled, for as long as the annotation is there |
//!
//! Where there is no annotation, the command decides if it is a simple one: `sleep 10`, `false`,
//! `sh -c 'sleep 2; exit 3'`. Where that says nothing either, the pod's uid does: pulling takes 0.5 to 2 seconds,
//! running 3 to 10 seconds with success, or for ever where the restart policy is Always.
//!
//! All durations are divided by [`ClusterOptions::speed`], the deadlines and times to live of jobs included.
//!
//! # What differs from a real cluster
//!
//! Init containers always succeed. Probes, volumes, affinity (other than node selectors), preemption and
//! `backoffLimitPerIndex` are not simulated. Nodes never fail by themselves.

mod discovery;
mod garbage;
mod hash;
mod job;
mod kubelet;
mod namespace;
mod nodes;
mod options;
mod pace;
mod replicas;
mod scheduler;
mod simulated_cluster;
mod status_write;

pub use options::{ClusterOptions, SimulatedNode};
pub use simulated_cluster::SimulatedCluster;
