//! The API server behind a network that misbehaves as told.
#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use parking_lot::Mutex;
use pilothouse_apiserver::{ApiServer, ConnectionError, ResponseBody};
use tokio::time::{Sleep, sleep};
use tower::Service;

/// How long watch events are held back.
pub(crate) type Delay = Arc<Mutex<Duration>>;
/// Which requests are held back.
pub(crate) type Gate = Arc<Mutex<Option<fn(&str, &str) -> bool>>>;

const OPAQUE: &str = "\"resourceVersion\":\"v-";
const PLAIN: &str = "\"resourceVersion\":\"";

/// The server, with each piece of a watch held back, requests held back, or versions made opaque.
#[derive(Clone)]
pub(crate) struct Faults {
    pub(crate) server: ApiServer,
    pub(crate) delay: Delay,
    pub(crate) gate: Gate,
    /// Which requests are carried out and never answered.
    pub(crate) losing: Gate,
    pub(crate) requests: Arc<AtomicUsize>,
    pub(crate) is_opaque: bool,
}

impl Faults {
    pub(crate) fn of(server: ApiServer) -> Self {
        let (delay, gate, losing) = (Delay::default(), Gate::default(), Gate::default());
        Self { server, delay, gate, losing, requests: Arc::default(), is_opaque: false }
    }
}

impl<B> Service<Request<B>> for Faults
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<pilothouse::BoxError> + std::fmt::Debug,
{
    type Response = Response<SlowBody>;
    type Error = ConnectionError;
    type Future = BoxFuture<'static, Result<Self::Response, ConnectionError>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), ConnectionError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let mut this = self.clone();
        Box::pin(async move {
            let (mut head, body) = request.into_parts();
            let address = head.uri.to_string();
            let head_method = head.method.clone();
            while this.gate.lock().is_some_and(|is_held| is_held(head.method.as_str(), &address)) {
                sleep(Duration::from_millis(100)).await;
            }
            let is_refused = address.contains("sendInitialEvents=") && !this.delay.lock().is_zero();
            let delay = (address.contains("watch=") && !is_refused).then(|| Arc::clone(&this.delay));
            if is_refused {
                // Not the state is to come late, only what changes: the server refuses to stream the former.
                head.uri =
                    address.replace("&resourceVersionMatch=NotOlderThan&", "&").parse().expect("a URI");
            }
            let mut body = body.collect().await.expect("a body in memory").to_bytes();
            if this.is_opaque {
                head.uri = address.replace("resourceVersion=v-", "resourceVersion=").parse().expect("a URI");
                body = String::from_utf8(body.into()).expect("JSON").replace(OPAQUE, PLAIN).into();
            }
            let answer = this.server.call(Request::from_parts(head, Full::new(body))).await?;
            if this.losing.lock().is_some_and(|is_lost| is_lost(head_method.as_str(), &address)) {
                std::future::pending::<()>().await;
            }
            let is_opaque = this.is_opaque;
            Ok(answer.map(|body| SlowBody { inner: Box::pin(body), delay, is_opaque, held: None }))
        })
    }
}

/// A body whose every piece comes late.
pub(crate) struct SlowBody {
    inner: Pin<Box<ResponseBody>>,
    delay: Option<Delay>,
    is_opaque: bool,
    held: Option<(Frame<Bytes>, Pin<Box<Sleep>>)>,
}

impl SlowBody {
    fn poll_inner(
        &mut self,
        context: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, <ResponseBody as Body>::Error>>> {
        let is_opaque = self.is_opaque;
        let opaque = |piece: Bytes| match String::from_utf8(piece.to_vec()) {
            Ok(text) if is_opaque => Bytes::from(text.replace(PLAIN, OPAQUE)),
            _ => piece,
        };
        self.inner
            .as_mut()
            .poll_frame(context)
            .map(|frame| frame.map(|frame| frame.map(|frame| frame.map_data(opaque))))
    }
}

impl Body for SlowBody {
    type Data = Bytes;
    type Error = <ResponseBody as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(delay) = self.delay.clone() else { return self.poll_inner(context) };
        if self.held.is_none() {
            let Some(frame) = ready!(self.poll_inner(context)) else {
                return Poll::Ready(None);
            };
            self.held = Some((frame?, Box::pin(sleep(*delay.lock()))));
        }
        if let Some((_, sleep)) = &mut self.held {
            ready!(sleep.as_mut().poll(context));
        }
        Poll::Ready(self.held.take().map(|(frame, _)| Ok(frame)))
    }
}
