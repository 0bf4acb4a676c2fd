//! Runs the website operator against the cluster of the current kubeconfig (or of the pod it runs in).

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use kube::CustomResourceExt;
use pilothouse::Election;
use pilothouse::manager::Configuration;
use website_operator::{Website, operator};

/// Gives each Website a Deployment and a route.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where metrics and health are served.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    metrics: SocketAddr,
    /// The operator's own namespace: routes are kept in it, and the Lease of the leader.
    #[arg(long, value_name = "NAME", default_value = "website-system")]
    namespace: String,
    /// Let one of several replicas work, and the others stand by.
    #[arg(long)]
    leader_elect: bool,
    /// A file with settings of the manager. Those in variables that begin with `WEBSITE_OPERATOR__` win over it, and
    /// both over other arguments.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print every setting with where its value comes from, and end.
    #[arg(long)]
    print_config: bool,
    /// Print the definition of the type, for `kubectl apply -f -`, and end.
    #[arg(long)]
    print_crd: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    if arguments.print_crd {
        println!("{}", serde_json::to_string_pretty(&Website::crd())?);
        return Ok(());
    }
    tracing_subscriber::fmt().with_env_filter("info").init();
    let mut manager = operator(&arguments.namespace).serve_metrics(arguments.metrics);
    if arguments.leader_elect {
        manager = manager.election(Election::new("website-operator").in_namespace(arguments.namespace));
    }
    let configuration = match &arguments.config {
        Some(path) => Configuration::new().file(path)?,
        None => Configuration::new(),
    };
    #[expect(clippy::disallowed_methods, reason = "a program reads the environment, for the library")]
    let variables = std::env::vars();
    let manager = manager.configuration(configuration.environment("WEBSITE_OPERATOR", variables)?);
    if arguments.print_config {
        print!("{}", manager.settings()?);
        return Ok(());
    }
    manager.run().await?;
    Ok(())
}
