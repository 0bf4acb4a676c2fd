//! The client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use kube::client::Body;
use pilothouse_machinery::Environment;
use tokio::time::Instant;
use tokio::time::error::Elapsed;

use super::connection::Connection;
use super::flow::Flow;
use super::push_back::PushBack;
use super::reach::Reach;
use super::response::read;
use super::{ClientError, ClientOptions};
use crate::leader::{Leadership, NotLeading};
use crate::metrics::Metrics;

/// The way to the API server.
///
/// **Guarantees.** Cheap to clone; clones share one token bucket. Every request passes the same stack: flow
/// control in order of arrival, retries of what is safe to repeat, metrics. A request that may have been
/// applied is never repeated unless repeating it is harmless (reads, server-side apply).
///
/// **Cancellation.** Dropping the future of any method gives up its place in the queue, or drops the
/// connection's request; a write that was on its way may then have been applied.
///
/// **Errors.** [`ClientError`] everywhere.
#[derive(Clone)]
pub struct Client {
    flow: Arc<Flow>,
    kube: kube::Client,
}

impl Client {
    /// Wraps a `kube::Client`. Needs a tokio runtime, which must outlive the client.
    ///
    /// A `kube::Client` made from a `kube::Config` repeats requests by itself: set `default_retry = false` there,
    /// or use [`from_config`](Self::from_config), which does.
    pub fn new(
        inner: kube::Client,
        options: ClientOptions,
        environment: &Environment,
        metrics: &Metrics,
    ) -> Self {
        Self::over(Flow::new(Connection::Fixed(inner), options, environment, metrics))
    }

    pub(super) fn over(flow: Flow) -> Self {
        let flow = Arc::new(flow);
        let kube = Arc::clone(&flow).into_kube();
        Self { flow, kube }
    }

    /// The same client with a fence: it sends writes only while `leadership` lasts, and gives up those that are on
    /// their way when it ends; they fail with [`ClientError::NotLeading`]. Reads and watches pass. The limit on the
    /// rate is shared. Needs a tokio runtime.
    ///
    /// A client made [from a configuration](Self::from_config) sends these writes over connections of their own,
    /// which look at the term immediately before they hand bytes to the kernel. Over a [given](Self::new)
    /// `kube::Client` the look comes before its queue, its pool and TLS: prefer the former where processes are paused.
    /// What either leaves open, and how to close it, is told in [`leader`](crate::leader).
    #[must_use]
    pub fn fenced(&self, leadership: &Leadership) -> Self {
        leadership.tenure().map_or_else(|| self.clone(), |tenure| Self::over(self.flow.fenced(tenure)))
    }

    /// The way to the server for questions whose answer is worth nothing later (an election's, reviews of access): no
    /// limit on the rate, no second try, no fence, and this long for an answer.
    pub(crate) fn single_try(&self, timeout: Duration) -> Self {
        Self::over(self.flow.single_try(timeout))
    }

    /// Connects as a `kube::Config` says (a kubeconfig, or the service account of a pod).
    ///
    /// Files that it names for a token, a client certificate or a key are looked at every 30 seconds while requests are
    /// sent, and so is that of the authorities to trust: [`ClientOptions::certificate_authority_file`], or the one that
    /// kubelet mounts with the token of the service account. Requests use what they hold from then on, without a
    /// restart (conformance N5); as long as nothing valid is there, what was there before. `kube::Config` does not tell
    /// which file a kubeconfig's `certificate-authority` is: name it in the options to have it looked at.
    pub fn from_config(
        mut config: kube::Config,
        mut options: ClientOptions,
        environment: &Environment,
        metrics: &Metrics,
    ) -> Result<Self, ClientError> {
        config.default_retry = false;
        // A watch may be silent for minutes; the reflector has its own deadline for it, and this client one
        // for all other requests.
        config.read_timeout = None;
        if options.host.is_empty() {
            options.host = config.cluster_url.authority().map(ToString::to_string).unwrap_or_default();
        }
        let opened = Connection::open(config, options.certificate_authority_file.clone());
        let inner = opened.map_err(|source| {
            let action = "connect to the API server".into();
            ClientError::Transport { action, source }
        })?;
        Ok(Self::over(Flow::new(inner, options, environment, metrics)))
    }

    /// A `kube::Client` whose every request passes this client's stack, for `kube::Api` and the like.
    #[must_use]
    pub fn kube(&self) -> &kube::Client {
        &self.kube
    }

    /// The namespace of objects that name none.
    #[must_use]
    pub fn default_namespace(&self) -> &str {
        self.kube.default_namespace()
    }

    /// How the client behaves.
    #[must_use]
    pub fn options(&self) -> &ClientOptions {
        &self.flow.options
    }

    /// What the server's answers have said of its load.
    pub(crate) fn push_back(&self) -> &Arc<PushBack> {
        &self.flow.push_back
    }

    /// Whether the server answers.
    pub(crate) fn reach(&self) -> &Arc<Reach> {
        &self.flow.reach
    }

    /// The environment the client was made with.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.flow.environment
    }

    /// Sends a request as it is and hands back the answer as it comes: any status, body streaming.
    ///
    /// The body is under no timeout of the client's; dropping it ends the request.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Body>, ClientError> {
        let action = format!("{} {}", request.method(), request.uri().path());
        self.send_as(&action, request).await
    }

    pub(super) async fn send_as(
        &self,
        action: &str,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Body>, ClientError> {
        let sent = self.flow.call(request.map(Body::from)).await;
        sent.map_err(|source| match source {
            kube::Error::Service(source) if source.is::<Elapsed>() => self.timed_out(action),
            kube::Error::Service(source) if source.is::<NotLeading>() => {
                let source = source.downcast().map_or_else(|_| NotLeading::unknown(), |source| *source);
                ClientError::NotLeading { action: action.to_owned(), source }
            }
            source => ClientError::Transport { action: action.to_owned(), source: Box::new(source) },
        })
    }

    /// Sends a request and reads the whole answer, which must be a success.
    pub(super) async fn exchange(
        &self,
        action: &str,
        request: Request<Vec<u8>>,
    ) -> Result<Bytes, ClientError> {
        let response = self.send_as(action, request).await?;
        self.in_time(action, read(action, response)).await?
    }

    /// A part of a request under the client's timeout.
    pub(crate) async fn in_time<F: Future>(&self, action: &str, part: F) -> Result<F::Output, ClientError> {
        let begun = Instant::now();
        tokio::time::timeout(self.flow.options.request_timeout, part).await.map_err(|_| {
            self.flow.reach.note(None, begun);
            self.timed_out(action)
        })
    }

    pub(super) fn timed_out(&self, action: &str) -> ClientError {
        ClientError::Timeout { action: action.to_owned(), after: self.flow.options.request_timeout }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("options", &self.flow.options).finish_non_exhaustive()
    }
}
