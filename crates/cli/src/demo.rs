//! `pilothouse demo`: everything in one process.

use pilothouse::manager::Task;
use pilothouse::{Environment, Manager, Metrics};
use pilothouse_apiserver::ApiServer;
use pilothouse_cluster::{ClusterOptions, SimulatedCluster};
use pilothouse_logbook::{Logbook, LogbookOptions};

use crate::arguments::Demo;
use crate::console::{Welcome, shell_word};
use crate::error::CommandError;
use crate::files::{create_folder, set_aside};
use crate::local_server::{LocalServer, listen};
use crate::logbook::identity;
use crate::portal::portal;
use crate::workload;

/// Runs until Ctrl-C.
pub(crate) async fn run(options: Demo) -> Result<(), CommandError> {
    let seed = options.seed.unwrap_or_else(|| Environment::real().random_u64() % 100_000);
    let environment = Environment::seeded(seed);
    create_folder(&options.data)?;
    let kubeconfig = options.kubeconfig_out.clone().unwrap_or_else(|| options.data.join("kubeconfig"));
    let listener = listen(options.port, "--port").await?;
    let address = listener.local_addr().map_err(|source| CommandError::Runtime { source })?;
    let builder = ApiServer::builder().environment(environment.clone());
    let server = LocalServer::start(builder, options.api_port, "--api-port", &kubeconfig).await?;
    let metrics = Metrics::new();
    let client = server.client(&environment, &metrics);
    let database = options.data.join("logbook.sqlite");
    // Each demo is a cluster of its own, gone with the process: its jobs must not stand beside those of the last one.
    let previous = set_aside(&database, &options.data.join("previous.sqlite"))?;
    let cluster =
        identity(&client).await.map_err(|source| CommandError::Reach { url: server.url(), source })?;
    let logbook = logbook_options(&options, &database).cluster(cluster).cluster_name("demo");
    let logbook = Logbook::open(logbook, client.clone(), environment.clone())
        .await
        .map_err(|source| CommandError::Logbook { path: database.clone(), source })?;

    let manager =
        Manager::new("demo").client(client.clone()).environment(environment.clone()).metrics(metrics);
    let cluster = ClusterOptions::default().with_nodes(workload::nodes()).with_speed(options.speed);
    let manager = SimulatedCluster::new(cluster).add_to(manager);
    let mut manager = logbook.add_to(manager).add(portal(listener, logbook.router()));
    if !options.no_workload {
        manager = manager.add(submissions(&options));
    }
    let kubectl = format!("kubectl --kubeconfig {}", shell_word(&kubeconfig));
    let mut welcome = Welcome::new(format!("Pilothouse demo: seed {seed}, {}x speed", options.speed))
        .fact("portal", format!("http://{address}"))
        .path("kubeconfig", &kubeconfig)
        .path("database", &database)
        .fact("api server", server.url())
        .hint(format!("{kubectl} create job hello --image=busybox -- echo hi"))
        .hint(format!("{kubectl} create job broken --image=busybox -- sh -c 'exit 3'"))
        .hint(format!("{kubectl} get jobs,pods"));
    if let Some(previous) = previous {
        welcome = welcome.path("last demo", &previous);
    }
    print!("{}", welcome.text());
    let ended = manager.run().await.map_err(|source| CommandError::Run { source });
    server.stop().await;
    ended
}

fn logbook_options(options: &Demo, database: &std::path::Path) -> LogbookOptions {
    let logbook = LogbookOptions::new(database);
    match &options.notify_webhook {
        Some(url) => logbook.notify_webhook(url, None),
        None => logbook,
    }
}

/// The demo's own jobs.
fn submissions(options: &Demo) -> Task {
    let speed = options.speed;
    Task::new("workload", move |context| async move {
        tokio::select! {
            biased;
            () = context.shutdown.requested() => {}
            () = workload::submit_for_ever(context.client, context.environment, speed) => {}
        }
        Ok::<(), std::convert::Infallible>(())
    })
}
