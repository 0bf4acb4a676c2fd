//! The controllers, put together.

use std::convert::Infallible;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use pilothouse::Retry;
use pilothouse::controller::Controller;
use pilothouse::manager::{Manager, RunContext, Task};

use crate::garbage::Collector;
use crate::job::{JobReconciler, LostPods};
use crate::kubelet::Kubelet;
use crate::namespace::Namespaces;
use crate::options::ClusterOptions;
use crate::pace::Pace;
use crate::replicas::{Deployments, ReplicaSets};
use crate::{nodes, scheduler};

/// The longest pause between attempts: what waits at the end of an outage goes on soon after it.
const LONGEST_RETRY: Duration = Duration::from_secs(20);
/// How long the replica set controller waits to see pods that it made. Their names are drawn by the server: giving
/// up early, with a cache that stands still, would make the same pods again. As long as client-go's expectations.
const PATIENCE: Duration = Duration::from_mins(5);

/// The controllers of a simulated cluster, to be run by a [`Manager`].
///
/// **Flow.** [`add_to`](Self::add_to) adds, under these names: `simulated-nodes` (registers the nodes, then ends),
/// `job-controller`, `job-lost-pods`, `deployment-controller`, `replicaset-controller`, `scheduler`, `kubelet`,
/// `garbage-collector` and `namespace-controller`. Give the manager a client without a rate limit: these are the
/// controllers of a whole cluster.
///
/// **Guarantees.** Everything goes through the API of the server that the manager's client talks to; nothing is
/// kept that a restart needs. Two managers must not simulate the same cluster at once.
#[derive(Clone, Debug, Default)]
pub struct SimulatedCluster {
    options: ClusterOptions,
}

impl SimulatedCluster {
    /// A cluster of this size and speed.
    pub fn new(options: ClusterOptions) -> Self {
        Self { options }
    }

    /// Adds the controllers to `manager`.
    pub fn add_to(self, manager: Manager) -> Manager {
        let ClusterOptions { nodes, speed } = self.options;
        let pace = Pace::new(speed);
        let addresses =
            nodes.iter().enumerate().map(|(position, node)| (node.name.clone(), nodes::address(position)));
        let retry = || Retry::exponential().at_most(LONGEST_RETRY);
        let kubelet = Kubelet::new(pace, addresses.collect());
        manager
            .add(Task::new("simulated-nodes", async move |context: RunContext| {
                let environment = context.environment.clone();
                tokio::select! {
                    biased;
                    () = context.shutdown.requested() => {}
                    () = nodes::register(&context.client, &nodes, || environment.now()) => {}
                }
                Ok::<(), Infallible>(())
            }))
            .controller(
                Controller::of::<Job>().named("job-controller").owns::<Pod>().workers(4).retry(retry()),
                JobReconciler::new(pace),
            )
            .controller(
                Controller::of::<Pod>().named("job-lost-pods").reads::<Job>().retry(retry()),
                LostPods,
            )
            .controller(Controller::of::<Pod>().named("kubelet").workers(4).retry(retry()), kubelet)
            .controller(
                Controller::of::<Namespace>().named("namespace-controller").retry(retry()),
                Namespaces,
            )
            .controller(
                Controller::of::<Deployment>()
                    .named("deployment-controller")
                    .owns::<ReplicaSet>()
                    .retry(retry()),
                Deployments,
            )
            .controller(
                Controller::of::<ReplicaSet>()
                    .named("replicaset-controller")
                    .owns::<Pod>()
                    .workers(2)
                    .retry(retry())
                    .own_write_wait(PATIENCE),
                ReplicaSets { pace },
            )
            .add(Task::new("scheduler", async |context: RunContext| {
                let RunContext { client, informers, environment, shutdown, .. } = context;
                Box::pin(scheduler::run(client, informers, environment, shutdown)).await;
                Ok::<(), Infallible>(())
            }))
            .add(Task::new("garbage-collector", async |context: RunContext| {
                let RunContext { client, informers, environment, shutdown, .. } = context;
                Collector::new(client, informers, environment).run(shutdown).await;
                Ok::<(), Infallible>(())
            }))
    }
}
