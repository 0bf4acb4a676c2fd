//! Runs the records operator against the cluster of the current kubeconfig (or of the pod it runs in).

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use kube::CustomResourceExt;
use pilothouse::Election;
use records_operator::{Record, ZoneFile, operator};

/// Publishes Records in a zone file.
#[derive(Debug, Parser)]
struct Arguments {
    /// The file with the records (RFC 1035), for a name server to include in the zone.
    #[arg(long, value_name = "FILE", required_unless_present = "print_crd")]
    zone_file: Option<PathBuf>,
    /// Where metrics and health are served.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    metrics: SocketAddr,
    /// The operator's own namespace, for the Lease of the leader.
    #[arg(long, value_name = "NAME", default_value = "records-system")]
    namespace: String,
    /// Let one of several replicas work, and the others stand by. They have to share the file.
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
        println!("{}", serde_json::to_string_pretty(&Record::crd())?);
        return Ok(());
    }
    tracing_subscriber::fmt().with_env_filter("info").with_writer(std::io::stderr).init();
    let zone = ZoneFile::at(arguments.zone_file.unwrap_or_default());
    let mut manager = operator(zone).serve_metrics(arguments.metrics);
    if arguments.leader_elect {
        manager = manager.election(Election::new("records-operator").in_namespace(arguments.namespace));
    }
    manager.run().await?;
    Ok(())
}
