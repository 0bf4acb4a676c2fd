//! Runs the website operator against the cluster of the current kubeconfig (or of the pod it runs in).
//!
//! `website-operator [ADDRESS]` serves metrics and health on the address, 127.0.0.1:8080 if none is given;
//! `website-operator crd` prints the definition of the type, for `kubectl apply -f -`.

use std::net::SocketAddr;

use kube::CustomResourceExt;
use website_operator::{Website, operator};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let argument = std::env::args().nth(1);
    if argument.as_deref() == Some("crd") {
        println!("{}", serde_json::to_string_pretty(&Website::crd())?);
        return Ok(());
    }
    tracing_subscriber::fmt().with_env_filter("info").init();
    let address: SocketAddr = argument.as_deref().unwrap_or("127.0.0.1:8080").parse()?;
    operator().serve_metrics(address).run().await?;
    Ok(())
}
