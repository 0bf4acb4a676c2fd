//! One open stream: from events to the bytes of a response.

use std::convert::Infallible;
use std::future::Future;

use axum::body::{Body, Bytes};
use http::StatusCode;
use http::header::RETRY_AFTER;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Response};
use tokio::sync::mpsc;

use crate::portal::PortalState;
use crate::store::StoreError;

/// Frames that may wait for a slow reader.
const WAITING: usize = 64;

/// Streams that may be open at once, of all readers together: each holds a connection and some memory.
pub(crate) const STREAMS: usize = 512;

/// The writing end of a stream.
pub(crate) struct Feed {
    sender: mpsc::Sender<Bytes>,
}

/// The reader has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed;

/// How a stream's task ends.
pub(crate) type Ended = Result<(), StreamEnd>;

/// Why a stream ends.
#[derive(Debug)]
pub(crate) enum StreamEnd {
    /// The reader has gone, or the store is being closed.
    Closed,
    /// The database failed; the reader will connect again.
    Store(StoreError),
}

impl From<Closed> for StreamEnd {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl From<StoreError> for StreamEnd {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Feed {
    /// Sends one event; waits while the reader is behind. `id` is what the reader will resume from.
    pub(crate) async fn event(&self, name: &str, id: Option<i64>, data: &str) -> Result<(), Closed> {
        self.sender.send(frame(name, id, data)).await.map_err(|_| Closed)
    }

    /// Sends a comment, which readers ignore: it keeps proxies from closing a silent connection.
    pub(crate) async fn heartbeat(&self) -> Result<(), Closed> {
        self.sender.send(Bytes::from_static(b": still here\n\n")).await.map_err(|_| Closed)
    }

    /// Completes when the reader has gone.
    pub(crate) async fn closed(&self) {
        self.sender.closed().await;
    }
}

/// The text of an event. Line ends inside `data` become further data lines; a carriage return would end a line too.
fn frame(name: &str, id: Option<i64>, data: &str) -> Bytes {
    let mut text = String::with_capacity(data.len() + 64);
    if let Some(id) = id {
        text.push_str("id: ");
        text.push_str(&id.to_string());
        text.push('\n');
    }
    text.push_str("event: ");
    text.push_str(name);
    for line in data.split(['\n', '\r']) {
        text.push_str("\ndata: ");
        text.push_str(line);
    }
    text.push_str("\n\n");
    Bytes::from(text)
}

/// The response whose body is what `write` puts into its feed; 503 if too many streams are open.
pub(crate) fn stream<F>(state: &PortalState, write: impl FnOnce(Feed) -> F) -> Response<Body>
where
    F: Future<Output = Ended> + Send + 'static,
{
    let Some(place) = state.stream_place() else { return too_many() };
    let (sender, mut receiver) = mpsc::channel(WAITING);
    let writing = write(Feed { sender });
    state.environment().spawn("portal events", async move {
        if let Err(StreamEnd::Store(error)) = writing.await {
            let reason = error.reason();
            tracing::error!(reason, error = &error as &dyn std::error::Error, "a live stream failed");
        }
        drop(place);
    });
    let frames = futures::stream::poll_fn(move |context| {
        receiver.poll_recv(context).map(|frame| frame.map(Ok::<Bytes, Infallible>))
    });
    let mut response = Response::new(Body::from_stream(frames));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Buffering proxies hold events back unless told otherwise.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

fn too_many() -> Response<Body> {
    let text = format!("too many live pages are open ({STREAMS}): close some, or try again later\n");
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(RETRY_AFTER, HeaderValue::from_static("10"));
    response
}

#[cfg(test)]
mod tests {
    use super::frame;

    #[test]
    fn line_ends_in_data_cannot_forge_fields() {
        let text = frame("row", Some(7), "a\r\nid: 9\n\nevent: reset");
        let expected = "id: 7\nevent: row\ndata: a\ndata: \ndata: id: 9\ndata: \ndata: event: reset\n\n";
        assert_eq!(text, expected.as_bytes());
    }
}
