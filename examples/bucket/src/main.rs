//! Runs the bucket operator against the cluster of the current kubeconfig (or of the pod it runs in).

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    bucket_operator::run(std::env::args_os()).await
}
