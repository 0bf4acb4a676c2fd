//! One of the managers: a small operator that writes as often as it can while it leads.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::config::{KubeConfigOptions, Kubeconfig};
use pilothouse::leader::Election;
use pilothouse::manager::{Group, Task};
use pilothouse::{
    BoxError, Client, ClientOptions, Controller, Environment, Leadership, Manager, Metrics, Object,
    RunContext,
};
use tokio::time::sleep;

use crate::arguments::ManagerOptions;
use crate::trace::Line;
use crate::writing::Writing;
use crate::{Failure, clock};

/// How often a manager notes that it believes to lead.
const SAMPLE: Duration = Duration::from_millis(1);

/// How long a manager that writes beside the fence goes on with it after its end.
const LINGER: Duration = Duration::from_millis(250);

/// Runs until SIGTERM, or until the lease is lost, which is an error.
pub(crate) async fn run(options: ManagerOptions) -> Result<(), Failure> {
    tracing_subscriber::fmt().with_env_filter("info").with_writer(std::io::stderr).with_ansi(false).init();
    let (environment, metrics) = (Environment::real(), Metrics::new());
    let client = connect(&options.kubeconfig, &environment, &metrics).await?;
    let writing = Writing::new(options.identity.clone());
    let known = writing.leadership();
    if options.without_fence {
        drop(environment.spawn("unfenced", writing.clone().without_fence(client.clone())));
    }
    let election = Election::new("trial")
        .in_namespace("default")
        .identity(options.identity)
        .timing(options.times.timing());
    let manager = Manager::new("trial")
        .client(client)
        .environment(environment)
        .metrics(metrics)
        .election(election)
        .add(Task::new("observer", move |context| observe(context, known)).in_group(Group::Support))
        .controller(Controller::of::<ConfigMap>().workers(4), writing);
    let ended = manager.run().await;
    if options.without_fence {
        // Nor does it end when it should.
        sleep(LINGER).await;
    }
    ended.map_err(Failure::from)
}

/// A client without a limit of its own, as the kubeconfig says.
pub(crate) async fn connect(
    kubeconfig: &std::path::Path,
    environment: &Environment,
    metrics: &Metrics,
) -> Result<Client, Failure> {
    let file = Kubeconfig::read_from(kubeconfig)?;
    let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    Ok(Client::from_config(config, ClientOptions::unlimited(), environment, metrics)?)
}

/// Notes when this process is ready to follow, and when it believes to lead.
async fn observe(context: RunContext, known: Arc<OnceLock<Leadership>>) -> Result<(), BoxError> {
    let RunContext { leadership, environment, informers, shutdown, .. } = context;
    let leadership = known.get_or_init(|| leadership);
    // It goes on while the manager stops, and ends with the process: that is when a term may end.
    drop(environment.spawn("sampler", sample(leadership.clone())));
    informers.informer(&ConfigMap::resource_type()).wait_synced().await;
    while leadership.leader().is_none() {
        sleep(SAMPLE).await;
    }
    Line::Ready.note();
    shutdown.requested().await;
    Ok(())
}

async fn sample(leadership: Leadership) {
    loop {
        let after = clock::now();
        if leadership.is_leader() {
            Line::Leads { after, before: clock::now() }.note();
        }
        sleep(SAMPLE).await;
    }
}
