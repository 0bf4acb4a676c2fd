//! Runs the website operator against the cluster of the current kubeconfig (or of the pod it runs in).

use std::net::SocketAddr;

use clap::Parser;
use kube::CustomResourceExt;
use pilothouse::Election;
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
    manager.run().await?;
    Ok(())
}
