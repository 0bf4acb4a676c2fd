//! The program.

use std::ffi::OsString;
use std::net::SocketAddr;

use clap::Parser;
use kube::CustomResourceExt;
use pilothouse::Election;
use pilothouse_ledger::SqlLedger;

use crate::{Bucket, Provider, operator};

/// Keeps a bucket at a provider for each Bucket.
#[derive(Debug, Parser)]
#[command(name = "bucket-operator")]
struct Arguments {
    /// The address of the provider's API: scheme, host and port.
    #[arg(long, value_name = "URL", required_unless_present = "print_crd")]
    provider: Option<String>,
    /// Where failures and dead letters are kept over a restart, as sqlite:ledger.sqlite. In memory without it.
    #[arg(long, value_name = "ADDRESS")]
    ledger: Option<String>,
    /// Where metrics, health and dead letters are served.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    metrics: SocketAddr,
    /// The operator's own namespace, for the Lease of the leader.
    #[arg(long, value_name = "NAME", default_value = "bucket-system")]
    namespace: String,
    /// Let one of several replicas work, and the others stand by.
    #[arg(long)]
    leader_elect: bool,
    /// Print the definition of the type, for `kubectl apply -f -`, and end.
    #[arg(long)]
    print_crd: bool,
}

/// Runs the program with these arguments, the first of which is its own name, until it is told to stop. Prints the
/// address of its metrics.
///
/// Dropping the future ends it at once.
pub async fn run(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let arguments = Arguments::parse_from(arguments);
    if arguments.print_crd {
        println!("{}", serde_json::to_string_pretty(&Bucket::crd())?);
        return Ok(());
    }
    tracing_subscriber::fmt().with_env_filter("info").with_writer(std::io::stderr).init();
    let provider = Provider::at(arguments.provider.as_deref().unwrap_or_default())?;
    let mut manager = operator(provider)
        .serve_metrics(arguments.metrics)
        .on_listening(|address| println!("http://{address}"));
    if let Some(ledger) = &arguments.ledger {
        manager = manager.ledger(SqlLedger::open(ledger).await?);
    }
    if arguments.leader_elect {
        manager = manager.election(Election::new("bucket-operator").in_namespace(arguments.namespace));
    }
    manager.run().await?;
    Ok(())
}
