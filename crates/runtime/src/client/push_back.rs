//! What the server's answers say of its load.

use http::StatusCode;
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::metrics::Metrics;

/// Remembers how often the server has pushed back: answered 429 or 503, to whichever request.
///
/// One per client, shared by its clones, fenced ones among them. An answer that is no push-back costs a comparison.
#[derive(Debug)]
pub(crate) struct PushBack {
    latest: Mutex<Latest>,
    changed: Notify,
    too_many: Counter,
    unavailable: Counter,
}

/// The push-backs so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Latest {
    /// How many there were.
    pub(crate) count: u64,
    /// When the last sent of the requests concerned was sent.
    pub(crate) sent: Option<Instant>,
}

impl PushBack {
    pub(super) fn new(metrics: &Metrics, host: &str) -> Self {
        let family = metrics.counter("pilothouse_client_push_backs", "Answers that said: not now");
        let counter = |code| family.with(&[("code", code), ("host", host)]);
        Self {
            latest: Mutex::default(),
            changed: Notify::new(),
            too_many: counter("429"),
            unavailable: counter("503"),
        }
    }

    /// Takes note of an answer to a request sent at `sent`.
    pub(super) fn note(&self, status: Option<StatusCode>, sent: Instant) {
        match status {
            Some(StatusCode::TOO_MANY_REQUESTS) => self.too_many.inc(),
            Some(StatusCode::SERVICE_UNAVAILABLE) => self.unavailable.inc(),
            _ => return,
        };
        let mut latest = self.latest.lock();
        latest.count += 1;
        latest.sent = latest.sent.max(Some(sent));
        drop(latest);
        self.changed.notify_waiters();
    }

    /// The push-backs so far.
    pub(crate) fn latest(&self) -> Latest {
        *self.latest.lock()
    }

    /// Completes once there are others than these. Dropping the future stops the waiting.
    pub(crate) async fn beyond(&self, count: u64) {
        loop {
            // Made before the look: what happens between the two wakes it.
            let changed = self.changed.notified();
            if self.latest().count != count {
                return;
            }
            changed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt;
    use k8s_openapi::api::core::v1::ConfigMap;
    use pilothouse_machinery::ObjectKey;
    use serde_json::json;

    use crate::testing::{Script, shown, status};
    use crate::{ClientOptions, Leadership};

    #[tokio::test(start_paused = true)]
    async fn a2_the_client_notes_each_429_and_503_whoever_asked_and_whatever_becomes_of_the_request() {
        let codes = [429, 503, 503, 500, 404, 409];
        let script = Script::of(codes.map(|code| status(code, "Whatever")));
        let client = script.client_with(ClientOptions { attempts: 1, ..ClientOptions::unlimited() });
        let push_back = Arc::clone(client.push_back());
        let clones = [client.clone(), client.fenced(&Leadership::without_election()), client.clone()];
        assert!(push_back.beyond(0).now_or_never().is_none());
        for client in clones.iter().chain(&clones) {
            client.get::<ConfigMap>(&ObjectKey::new("default", "a")).await.unwrap_err();
        }
        assert_eq!(push_back.latest().count, 3);
        assert!(push_back.beyond(0).now_or_never().is_some() && push_back.beyond(3).now_or_never().is_none());
        let counted = |code| shown(&script.metrics, "pilothouse_client_push_backs_total", &[("code", code)]);
        assert_eq!((counted("429"), counted("503"), counted("500")), (Some(1.0), Some(2.0), None));
    }

    #[tokio::test(start_paused = true)]
    async fn a2_the_answer_to_an_eviction_speaks_of_a_disruption_budget_and_is_no_push_back() {
        let script = Script::of([status(429, "TooManyRequests")]);
        let client = script.client_with(ClientOptions { attempts: 1, ..ClientOptions::unlimited() });
        let path = "/api/v1/namespaces/default/pods/a/eviction";
        let error = client.post_json(path, &json!({"metadata": {"name": "a"}})).await.unwrap_err();
        assert_eq!((error.reason(), client.push_back().latest().count), ("TooManyRequests", 0));
    }
}
