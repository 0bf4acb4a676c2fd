//! `etcd`, as far as envtest asks for it: a process that says it is healthy.

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

use super::flags::Flags;
use super::stand_in::told_to_stop;
use crate::error::CommandError;

/// The flags that envtest passes.
pub(super) const FLAGS: &[&str] =
    &["advertise-client-urls", "data-dir", "listen-client-urls", "listen-peer-urls", "unsafe-no-fsync"];

/// Answers `/health` at the first of `--listen-client-urls` until it is told to stop. Nothing is kept.
pub(super) async fn run(flags: &Flags) -> Result<(), CommandError> {
    let urls = flags.get("listen-client-urls").unwrap_or("http://127.0.0.1:2379");
    let first = urls.split(',').next().unwrap_or_default();
    let address = first.split("://").last().unwrap_or_default().trim_end_matches('/').to_owned();
    let failed = |source| CommandError::ListenAt { address: address.clone(), source };
    let listener = TcpListener::bind(&address).await.map_err(failed)?;
    let health = Router::new().route("/health", get(|| async { "{\"health\":\"true\",\"reason\":\"\"}" }));
    axum::serve(listener, health).with_graceful_shutdown(told_to_stop()).await.map_err(failed)
}
