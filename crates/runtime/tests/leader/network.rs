//! The way of one candidate to the server, which fails as told.
#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body::Body;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use parking_lot::Mutex;
use pilothouse::Environment;
use pilothouse_apiserver::{ApiServer, ConnectionError};
use tokio::time::{Instant, Sleep};
use tower::Service;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Pass,
    /// Never arrives.
    Hang,
    /// Is applied, and the answer never comes.
    LoseAnswer,
    /// Arrives after this time, unless its sender gives it up before.
    Late(Duration),
    /// Has left the process: arrives after this time, whatever becomes of its sender.
    Underway(Duration),
    /// Is refused with this status.
    Refuse(u16),
}

pub(crate) type Rule = Box<dyn FnMut(&str, &str) -> Fate + Send>;

/// A request as the network saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) is_watch: bool,
    pub(crate) path: String,
}

/// A network to the server.
#[derive(Clone)]
pub(crate) struct Network {
    pub(crate) server: ApiServer,
    pub(crate) rule: Arc<Mutex<Option<Rule>>>,
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
    /// The bodies of the patches that the server accepted, shared by networks that are made of each other.
    pub(crate) accepted: Arc<Mutex<Vec<Bytes>>>,
    /// What the server answered to requests that had left the process.
    pub(crate) arrived: Arc<Mutex<Vec<u16>>>,
}

impl Network {
    pub(crate) fn new(server: &ApiServer) -> Self {
        let (server, arrived) = (server.clone(), Arc::default());
        Self { server, rule: Arc::default(), seen: Arc::default(), accepted: Arc::default(), arrived }
    }

    /// Decides about each request from now on, by method and path; watches have the method `WATCH`.
    pub(crate) fn rule(&self, rule: impl FnMut(&str, &str) -> Fate + Send + 'static) {
        *self.rule.lock() = Some(Box::new(rule));
    }

    /// Nothing arrives any more, also of the watches that are open.
    pub(crate) fn cut(&self) {
        self.rule(|_, _| Fate::Hang);
    }

    pub(crate) fn mend(&self) {
        *self.rule.lock() = None;
    }

    fn fate(&self, method: &str, path: &str) -> Fate {
        self.rule.lock().as_mut().map_or(Fate::Pass, |rule| rule(method, path))
    }

    /// The methods of all requests for the lease but lists and watches, in order.
    pub(crate) fn trace(&self) -> String {
        let seen = self.seen.lock();
        let single = seen.iter().filter(|seen| !seen.is_watch && seen.path.contains("/leases"));
        single
            .filter(|seen| !seen.path.contains('?') || seen.method != "GET")
            .map(|seen| &seen.method[..1])
            .collect()
    }
}

impl<B> Service<Request<B>> for Network
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: std::fmt::Debug,
{
    type Response = Response<Cable>;
    type Error = ConnectionError;
    type Future = BoxFuture<'static, Result<Self::Response, ConnectionError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut this = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let path = head.uri.to_string();
            let is_watch = path.contains("watch=");
            let method = if is_watch { "WATCH".to_owned() } else { head.method.to_string() };
            let seen = Seen { method: head.method.to_string(), is_watch, path: path.clone() };
            this.seen.lock().push(seen);
            let fate = this.fate(&method, &path);
            match fate {
                Fate::Hang => return std::future::pending().await,
                Fate::Late(by) => tokio::time::sleep(by).await,
                Fate::Pass | Fate::LoseAnswer | Fate::Refuse(_) | Fate::Underway(_) => {}
            }
            if let Fate::Refuse(code) = fate {
                let text =
                    format!(r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","code":{code}}}"#);
                let body = Cable::new(Full::from(text), None);
                return Ok(Response::builder().status(code).body(body).expect("a response"));
            }
            let body = body.collect().await.expect("a body in memory").to_bytes();
            if let Fate::Underway(by) = fate {
                let (mut server, request) = (this.server.clone(), Request::from_parts(head, Full::new(body)));
                let arriving = async move {
                    tokio::time::sleep(by).await;
                    let answer = server.call(request).await.expect("the server answers");
                    this.arrived.lock().push(answer.status().as_u16());
                };
                drop(Environment::real().spawn("underway", arriving));
                return std::future::pending().await;
            }
            let patch = (method == "PATCH").then(|| body.clone());
            let answer = this.server.call(Request::from_parts(head, Full::new(body))).await?;
            this.accepted.lock().extend(patch.filter(|_| answer.status().is_success()));
            if fate == Fate::LoseAnswer {
                return std::future::pending().await;
            }
            Ok(answer.map(|body| Cable::new(body, is_watch.then_some(this))))
        })
    }
}

/// A body that stops coming while watches hang.
pub(crate) struct Cable {
    inner: UnsyncBoxBody<Bytes, Infallible>,
    /// Of a watch: what may silence it.
    network: Option<Network>,
    retry: Pin<Box<Sleep>>,
}

impl Cable {
    fn new(
        body: impl Body<Data = Bytes, Error = Infallible> + Send + 'static,
        network: Option<Network>,
    ) -> Self {
        let retry = Box::pin(tokio::time::sleep(Duration::ZERO));
        Self { inner: body.boxed_unsync(), network, retry }
    }
}

impl Body for Cable {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        while self.network.as_ref().is_some_and(|network| network.fate("WATCH", "") == Fate::Hang) {
            let again = Instant::now() + Duration::from_millis(50);
            self.retry.as_mut().reset(again);
            if self.retry.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
        Pin::new(&mut self.inner).poll_frame(context)
    }
}
