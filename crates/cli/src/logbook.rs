//! `pilothouse logbook`: the logbook of a cluster.

use kube::config::{KubeConfigOptions, Kubeconfig};
use pilothouse::{Client, ClientOptions, Environment, Manager, Metrics};
use pilothouse_logbook::{Logbook, LogbookOptions};
use serde_json::Value;

use crate::arguments::LogbookArguments;
use crate::console::Welcome;
use crate::error::CommandError;
use crate::files::create_folder;
use crate::local_server::listen;
use crate::portal::portal;

/// Runs until Ctrl-C.
pub(crate) async fn run(options: LogbookArguments) -> Result<(), CommandError> {
    let environment = Environment::real();
    let metrics = Metrics::new();
    let (config, name) = config(&options).await?;
    let url = config.cluster_url.to_string();
    let connect = |options| {
        Client::from_config(config.clone(), options, &environment, &metrics)
            .map_err(|source| CommandError::Client { source })
    };
    // A wrong address should be told in a second, not after all the patience that a running logbook has.
    let first = connect(ClientOptions { attempts: 3, ..client_options() })?;
    let client = connect(client_options())?;
    let cluster =
        identity(&first).await.map_err(|source| CommandError::Reach { url: url.clone(), source })?;
    create_folder(&options.data)?;
    let database = options.data.join("logbook.sqlite");
    let mut logbook = LogbookOptions::new(&database).cluster(cluster);
    if let Some(name) = name {
        logbook = logbook.cluster_name(name);
    }
    if let Some(webhook) = &options.notify_webhook {
        logbook = logbook.notify_webhook(webhook, options.notify_secret.clone());
    }
    let logbook = Logbook::open(logbook, client.clone(), environment.clone())
        .await
        .map_err(|source| CommandError::Logbook { path: database.clone(), source })?;
    let listener = listen(options.port, "--port").await?;
    let address = listener.local_addr().map_err(|source| CommandError::Runtime { source })?;
    let manager = Manager::new("logbook").client(client).environment(environment).metrics(metrics);
    let manager = logbook.add_to(manager).add(portal(listener, logbook.router()));
    let welcome = Welcome::new("Pilothouse logbook")
        .fact("portal", format!("http://{address}"))
        .path("database", &database)
        .fact("cluster", url);
    print!("{}", welcome.text());
    manager.run().await.map_err(|source| CommandError::Run { source })
}

fn client_options() -> ClientOptions {
    ClientOptions::default().with_field_manager("pilothouse-logbook")
}

/// How to reach the cluster, and what it is called where a kubeconfig says so: the name of its context.
async fn config(options: &LogbookArguments) -> Result<(kube::Config, Option<String>), CommandError> {
    let failed = |source| CommandError::Kubeconfig { source };
    let file = match &options.kubeconfig {
        Some(path) => Some(Kubeconfig::read_from(path).map_err(failed)?),
        None if options.context.is_some() => Some(Kubeconfig::read().map_err(failed)?),
        None => None,
    };
    let Some(file) = file else {
        let config = kube::Config::infer().await.map_err(|source| CommandError::Infer { source })?;
        return Ok((config, Kubeconfig::read().ok().and_then(|file| file.current_context)));
    };
    let name = options.context.clone().or_else(|| file.current_context.clone());
    let chosen = KubeConfigOptions { context: options.context.clone(), ..KubeConfigOptions::default() };
    let config = kube::Config::from_custom_kubeconfig(file, &chosen).await.map_err(failed)?;
    Ok((config, name))
}

/// What tells this cluster from others for as long as it lives: the uid of its `kube-system` namespace.
pub(crate) async fn identity(client: &Client) -> Result<String, pilothouse::ClientError> {
    let namespace = client.get_json("/api/v1/namespaces/kube-system").await?;
    let uid = namespace.pointer("/metadata/uid").and_then(Value::as_str);
    Ok(uid.unwrap_or_default().to_owned())
}
