//! The stack that every request passes.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use kube::client::Body;
use pilothouse_machinery::Environment;
use tokio::time::Instant;
use tokio::time::error::Elapsed;

use super::connection::Connection;
use super::fence::Fence;
use super::limiter::Limiter;
use super::push_back::PushBack;
use super::reach::Reach;
use super::retry::{RequestTraits, pause};
use super::{ClientOptions, Rate};
use crate::leader::{NotLeading, Tenure};
use crate::metrics::{CounterFamily, HistogramFamily, Metrics};

const SECONDS: &[f64] = &[0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0];

/// Flow control, retries, the fence and metrics around a `kube::Client`.
#[derive(Clone)]
pub(super) struct Flow {
    pub(super) inner: Connection,
    pub(super) options: ClientOptions,
    pub(super) environment: Environment,
    limiter: Option<Arc<Limiter>>,
    /// Writes go out only within this term.
    pub(super) fence: Option<Fence>,
    pub(super) push_back: Arc<PushBack>,
    pub(super) reach: Arc<Reach>,
    requests: CounterFamily,
    retries: CounterFamily,
    durations: HistogramFamily,
    waits: HistogramFamily,
}

impl Flow {
    pub(super) fn new(
        inner: Connection,
        options: ClientOptions,
        environment: &Environment,
        metrics: &Metrics,
    ) -> Self {
        let histogram = |name, help| metrics.histogram(name, help, SECONDS);
        Self {
            limiter: Limiter::new(options.rate).map(Arc::new),
            fence: None,
            push_back: Arc::new(PushBack::new(metrics, &options.host)),
            reach: Arc::default(),
            environment: environment.clone(),
            requests: metrics.counter("rest_client_requests", "Requests by status code, method and host"),
            retries: metrics
                .counter("rest_client_request_retries", "Repeated requests by code, verb and host"),
            durations: histogram("rest_client_request_duration_seconds", "Time to the head of the answer"),
            waits: histogram(
                "rest_client_rate_limiter_duration_seconds",
                "Time spent waiting for the limiter",
            ),
            inner,
            options,
        }
    }

    /// The same stack, with writes only within a term.
    pub(super) fn fenced(&self, tenure: Arc<Tenure>) -> Self {
        let way = self.inner.of_term(&tenure);
        self.behind(Fence { tenure, way })
    }

    /// The same stack behind this fence.
    pub(super) fn behind(&self, fence: Fence) -> Self {
        Self { fence: Some(fence), ..self.clone() }
    }

    /// The same stack without a limit, a second try or a fence, and this long for an answer.
    pub(super) fn single_try(&self, timeout: Duration) -> Self {
        let rate = Rate::Unlimited;
        let options = ClientOptions { rate, attempts: 1, request_timeout: timeout, ..self.options.clone() };
        Self { limiter: None, fence: None, options, ..self.clone() }
    }

    /// Sends a request, again where that is safe, until it is answered or attempts run out.
    ///
    /// The wait for the limiter happens here, not in a service's readiness: a readiness that blocks would
    /// stall the one worker behind a `kube::Client`, and urgent requests with it.
    pub(super) async fn call(&self, mut request: Request<Body>) -> Result<Response<Body>, kube::Error> {
        let (traits, method) = (RequestTraits::of(&request), request.method().to_string());
        let labels = [("verb", &*method), ("host", &*self.options.host)];
        let mut attempt = 0;
        loop {
            if let Some(limiter) = self.limiter.as_ref().filter(|_| !traits.watch) {
                let queued = Instant::now();
                limiter.acquire().await;
                self.waits.with(&labels).observe(queued.elapsed().as_secs_f64());
            }
            let spare = duplicate(&request).filter(|_| attempt + 1 < self.options.attempts);
            let sent = Instant::now();
            let outcome = self.attempt_within_term(request, traits).await;
            self.durations.with(&labels).observe(sent.elapsed().as_secs_f64());
            let status = outcome.as_ref().ok().map(Response::status);
            if !traits.evicts {
                self.push_back.note(status, sent);
            }
            // What the fence held back says nothing of the server.
            if !matches!(&outcome, Err(kube::Error::Service(cause)) if cause.is::<NotLeading>()) {
                self.reach.note(status, sent);
            }
            let code = status.map_or_else(|| "<error>".to_owned(), |status| status.as_u16().to_string());
            self.requests.with(&[("code", &code), ("method", &method), ("host", &self.options.host)]).inc();
            // An answer that did not come within a minute is not waited for ten times as long.
            let is_final = matches!(
                &outcome, Err(kube::Error::Service(cause)) if cause.is::<Elapsed>() || cause.is::<NotLeading>()
            );
            match spare.filter(|_| !is_final) {
                Some(spare) if status.is_none_or(|code| !code.is_success()) && traits.may_repeat(status) => {
                    let headers = outcome.as_ref().ok().map(Response::headers);
                    let pause = pause(&self.options, &self.environment, attempt, headers);
                    self.retries
                        .with(&[("code", &code), ("verb", &method), ("host", &self.options.host)])
                        .inc();
                    tracing::debug!(%method, uri = %spare.uri(), code, ?pause, "request will be repeated");
                    drop(outcome);
                    tokio::time::sleep(pause).await;
                    request = spare;
                    attempt += 1;
                }
                _ => return outcome,
            }
        }
    }

    /// Sends a request once. Where the answer's head takes too long, the error holds tokio's `Elapsed`.
    pub(super) async fn attempt(
        &self,
        way: &Connection,
        request: Request<Body>,
        traits: RequestTraits,
    ) -> Result<Response<Body>, kube::Error> {
        let connection = way.client();
        let sending = connection.send(request);
        if traits.watch {
            return sending.await;
        }
        tokio::time::timeout(self.options.request_timeout, sending)
            .await
            .unwrap_or_else(|elapsed| Err(kube::Error::Service(Box::new(elapsed))))
    }

    /// A `kube::Client` whose requests pass this stack.
    pub(super) fn into_kube(self: Arc<Self>) -> kube::Client {
        let namespace = self.inner.default_namespace();
        let service = tower::service_fn(move |request: Request<Body>| {
            let flow = Arc::clone(&self);
            async move { flow.call(request).await }
        });
        kube::Client::new(service, namespace)
    }
}

/// A second copy of a request whose body is in memory.
fn duplicate(request: &Request<Body>) -> Option<Request<Body>> {
    let mut copy = Request::new(request.body().try_clone()?);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    Some(copy)
}

impl std::fmt::Debug for Flow {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Flow").field("options", &self.options).finish_non_exhaustive()
    }
}
