//! `pilothouse apiserver`: the API server alone, or with the simulated cluster behind it.

use pilothouse::{Manager, Metrics};
use pilothouse_apiserver::{ApiServer, HistoryLimits};
use pilothouse_cluster::{ClusterOptions, SimulatedCluster};

use crate::arguments::ApiserverArguments;
use crate::console::{Welcome, shell_word};
use crate::error::CommandError;
use crate::local_server::{LocalServer, environment};

/// Runs until Ctrl-C.
pub(crate) async fn run(options: ApiserverArguments) -> Result<(), CommandError> {
    let environment = environment(options.seed);
    let builder = ApiServer::builder()
        .environment(environment.clone())
        .history(HistoryLimits::events(options.history))
        .authorization(options.authorization.into());
    let server = LocalServer::start(builder, options.port, "--port", &options.kubeconfig_out).await?;
    let metrics = Metrics::new();
    let client = server.client(&environment, &metrics);
    let mut manager = Manager::new("apiserver").client(client).environment(environment).metrics(metrics);
    if options.simulate {
        let cluster = ClusterOptions::default().with_speed(options.speed);
        manager = SimulatedCluster::new(cluster).add_to(manager);
    }
    let kubectl = format!("kubectl --kubeconfig {}", shell_word(&options.kubeconfig_out));
    let behind = if options.simulate { "with a simulated cluster" } else { "without controllers" };
    let welcome = Welcome::new(format!("Pilothouse API server, {behind}"))
        .fact("api server", server.url())
        .path("kubeconfig", &options.kubeconfig_out)
        .hint(format!("{kubectl} get namespaces"));
    print!("{}", welcome.text());
    let ended = manager.run().await.map_err(|source| CommandError::Run { source });
    server.stop().await;
    ended
}
