//! Runs the website operator against the cluster of the current kubeconfig (or of the pod it runs in).
//!
//! `website-operator crd` prints the definition of the type, for `kubectl apply -f -`.

use kube::CustomResourceExt;
use website_operator::{Website, operator};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().nth(1).as_deref() == Some("crd") {
        println!("{}", serde_json::to_string_pretty(&Website::crd())?);
        return Ok(());
    }
    tracing_subscriber::fmt().with_env_filter("info").init();
    operator().serve_metrics(([127, 0, 0, 1], 8080)).run().await?;
    Ok(())
}
