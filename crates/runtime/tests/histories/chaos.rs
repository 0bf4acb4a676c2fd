//! The network between an informer and its server, which breaks requests as told.
#![expect(clippy::expect_used, reason = "a test")]

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use parking_lot::Mutex;
use pilothouse::BoxError;
use pilothouse_apiserver::{ApiServer, ResponseBody};
use tokio::time::sleep;
use tower::Service;

const EXPIRED: &str =
    r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410,"message":"m"}"#;
const BUSY: &str =
    r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"TooManyRequests","code":429}"#;

/// How a request fares.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// 410, for a list, a page, a watch or a stream alike.
    Expired,
    /// A watch whose only event is a 410; a list that is refused with one.
    ExpiredEvent,
    /// 429 with `Retry-After`.
    Busy,
    /// No connection.
    Refuse,
    /// An empty body.
    EndAtOnce,
    /// The body ends after so many bytes: as if it were all, or with an error.
    Cut { after: usize, clean: bool },
    /// Nothing: this request is answered, the next one has trouble.
    Pass,
    /// The answer takes so many milliseconds: the server makes it then, or it is made at once and `stale` when it comes.
    Late { milliseconds: u64, stale: bool },
    /// 410, after so many milliseconds.
    ExpiredLate(u64),
}

/// The server behind the network.
#[derive(Clone)]
pub(crate) struct Chaos {
    pub(crate) server: ApiServer,
    /// How the next requests fare, one after the other.
    pub(crate) faults: Arc<Mutex<VecDeque<Fault>>>,
    /// How many bytes of a body come at once, at most.
    pub(crate) piece: usize,
}

impl<B> Service<Request<B>> for Chaos
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError> + std::fmt::Debug,
{
    type Response = Response<Broken>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut this = self.clone();
        let fault = this.faults.lock().pop_front();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let watches = head.uri.query().is_some_and(|query| query.contains("watch=true"));
            let (code, text) = match fault {
                Some(Fault::Refuse) => return Err("connection refused".into()),
                Some(Fault::ExpiredEvent) if watches => {
                    (200, format!("{{\"type\":\"ERROR\",\"object\":{EXPIRED}}}\n"))
                }
                Some(Fault::Expired | Fault::ExpiredEvent) => (410, EXPIRED.to_owned()),
                Some(Fault::ExpiredLate(milliseconds)) => {
                    sleep(Duration::from_millis(milliseconds)).await;
                    (410, EXPIRED.to_owned())
                }
                Some(Fault::Busy) => (429, BUSY.to_owned()),
                Some(Fault::EndAtOnce) => (200, String::new()),
                Some(Fault::Cut { .. } | Fault::Pass | Fault::Late { .. }) | None => {
                    let (before, after) = match fault {
                        Some(Fault::Late { milliseconds, stale: true }) => (0, milliseconds),
                        Some(Fault::Late { milliseconds, stale: false }) => (milliseconds, 0),
                        _ => (0, 0),
                    };
                    sleep(Duration::from_millis(before)).await;
                    let body = body.collect().await.expect("a body in memory").to_bytes();
                    let answer = this.server.call(Request::from_parts(head, Full::new(body))).await?;
                    sleep(Duration::from_millis(after)).await;
                    let cut = match fault {
                        Some(Fault::Cut { after, clean }) => Some((after, clean)),
                        _ => None,
                    };
                    let piece = this.piece;
                    return Ok(answer.map(|body| Broken {
                        inner: Inner::Server(Box::pin(body)),
                        cut,
                        piece,
                        held: Bytes::new(),
                    }));
                }
            };
            let body =
                Broken { inner: Inner::Nothing, cut: None, piece: this.piece, held: Bytes::from(text) };
            let answer = Response::builder().status(code).header("retry-after", "1");
            Ok(answer.body(body)?)
        })
    }
}

enum Inner {
    Server(Pin<Box<ResponseBody>>),
    Nothing,
}

/// A body in pieces, which may break off.
pub(crate) struct Broken {
    inner: Inner,
    cut: Option<(usize, bool)>,
    piece: usize,
    /// What has come and was not handed over.
    held: Bytes,
}

impl Body for Broken {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.held.is_empty() {
            let Inner::Server(server) = &mut self.inner else { return Poll::Ready(None) };
            let Some(frame) = ready!(server.as_mut().poll_frame(context)) else { return Poll::Ready(None) };
            self.held = frame?.into_data().unwrap_or_default();
        }
        let mut size = self.piece.min(self.held.len());
        if let Some((left, clean)) = &mut self.cut {
            if *left == 0 {
                return Poll::Ready((!*clean).then(|| Err("connection reset by peer".into())));
            }
            size = size.min(*left);
            *left -= size;
        }
        let piece = self.held.split_to(size);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}
