//! The portal as a part of a manager.

use axum::Router;
use pilothouse::manager::{Group, Task};
use tokio::net::TcpListener;

/// Serves the portal until the manager stops. Live streams end with it; browsers connect again by themselves.
pub(crate) fn portal(listener: TcpListener, router: Router) -> Task {
    Task::new("portal", move |context| async move {
        let shutdown = context.shutdown.clone();
        let stop = async move { shutdown.requested().await };
        let serve = axum::serve(listener, router).with_graceful_shutdown(stop);
        // A browser keeps its live stream open for ever: stop with the word, not with the last stream.
        let shutdown = context.shutdown.clone();
        tokio::select! {
            biased;
            ended = serve => ended,
            () = last_moment(shutdown) => Ok(()),
        }
    })
    .in_group(Group::Support)
}

/// A moment after the word to stop: time for answers that are on their way.
async fn last_moment(shutdown: pilothouse::Shutdown) {
    shutdown.requested().await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
}
