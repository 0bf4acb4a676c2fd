//! Which requests are sent again, and when.

use std::time::Duration;

use http::{HeaderMap, Method, Request, StatusCode, header};
use pilothouse_machinery::Environment;

use super::ClientOptions;

/// What decides about retries of one request, read before it is sent.
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one request")]
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestTraits {
    /// A watch: neither limited nor repeated, because the reflector decides about both.
    pub(super) watch: bool,
    /// Whether it changes nothing.
    pub(super) is_read: bool,
    /// Whether sending it twice has the same effect as once, whatever happened in between.
    repeatable: bool,
    once: bool,
    /// An eviction: its 429 speaks of a disruption budget, not of the server's load (the `Eviction` API).
    pub(super) evicts: bool,
}

/// Marks a request that its sender will repeat itself where needed.
#[derive(Clone, Copy, Debug)]
struct SendOnce;

/// The same request, exempt from retries.
pub(crate) fn send_once<B>(mut request: Request<B>) -> Request<B> {
    request.extensions_mut().insert(SendOnce);
    request
}

impl RequestTraits {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let query = request.uri().query().unwrap_or_default();
        let watch = query.split('&').any(|pair| matches!(pair, "watch=true" | "watch=1"));
        let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let apply = media_type.is_some_and(|value| value.starts_with("application/apply-patch"));
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        let repeatable = match *request.method() {
            _ if is_read => true,
            // Server-side apply states the wish in full. An update that arrives twice ends in a conflict, a
            // deletion may meet the successor of what it was meant for: only the caller can judge those.
            Method::PATCH => apply,
            _ => false,
        };
        let evicts = request.uri().path().ends_with("/eviction");
        let once = request.extensions().get::<SendOnce>().is_some();
        Self { watch, is_read, repeatable, once, evicts }
    }

    /// Whether a request that ended so may be sent again: 429 says that it was not applied, whatever it was;
    /// after 503, 504 or a failed connection (`None`) it may have been (conformance N3).
    pub(super) fn may_repeat(self, status: Option<StatusCode>) -> bool {
        if self.watch || self.once {
            return false;
        }
        match status {
            Some(StatusCode::TOO_MANY_REQUESTS) => true,
            Some(StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT) | None => self.repeatable,
            Some(_) => false,
        }
    }
}

/// How long to wait before the retry that follows attempt number `attempt` (the first is 0): what the server
/// asks for, else exponential with jitter, and never more than the longest pause (conformance N2).
pub(super) fn pause(
    options: &ClientOptions,
    environment: &Environment,
    attempt: u32,
    headers: Option<&HeaderMap>,
) -> Duration {
    let pause = headers.and_then(retry_after).unwrap_or_else(|| {
        let doubled = options.first_pause.saturating_mul(2_u32.saturating_pow(attempt.min(20)));
        environment.jittered(doubled.min(options.longest_pause), 0.2)
    });
    pause.min(options.longest_pause)
}

/// The seconds of a `Retry-After` header. Kubernetes never writes the date form.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
