//! Sending over HTTP.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use pilothouse_machinery::Environment;

use super::signature::signature;
use super::{Destination, Message, SendError, Sender};

/// How long a receiver may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// How much of an answer's body is read, so that the connection can be used again.
const ANSWER_LIMIT: usize = 64 << 10;

/// Posts messages over HTTP/1.1, with TLS by the machine's own certificate authorities.
///
/// **Guarantees.** Redirects are not followed: what is meant for one address goes nowhere else. Connections are kept
/// and used again.
pub struct HttpSender {
    plain: Client<HttpConnector, Full<Bytes>>,
    /// `None` when the machine has no certificate authorities.
    secure: Option<Client<HttpsConnector<HttpConnector>, Full<Bytes>>>,
    environment: Environment,
}

impl HttpSender {
    /// A sender; reads the machine's certificate authorities once.
    #[must_use]
    pub fn new(environment: Environment) -> Self {
        let secure = HttpsConnectorBuilder::new()
            .with_native_roots()
            .inspect_err(
                |error| tracing::warn!(%error, "no certificate authorities: https webhooks will fail"),
            )
            .ok()
            .map(|builder| {
                Client::builder(TokioExecutor::new()).build(builder.https_only().enable_http1().build())
            });
        let plain = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        Self { plain, secure, environment }
    }

    async fn post(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, SendError> {
        let unreachable =
            |source: Box<dyn std::error::Error + Send + Sync>| SendError::Unreachable { source };
        let sent = match (request.uri().scheme_str(), &self.secure) {
            (Some("https"), Some(client)) => client.request(request),
            (Some("https"), None) => {
                return Err(unreachable("this machine has no certificate authorities".into()));
            }
            _ => self.plain.request(request),
        };
        sent.await.map_err(|error| unreachable(error.into()))
    }
}

impl Sender for HttpSender {
    async fn send(&self, destination: &Destination, message: &Message) -> Result<u16, SendError> {
        let request = request(destination, message)?;
        let answered = async {
            let response = self.post(request).await?;
            let (parts, body) = response.into_parts();
            // The answer's text does not matter; a failure to read it does not undo the delivery.
            let _ = Limited::new(body, ANSWER_LIMIT).collect().await;
            if parts.status.is_success() {
                return Ok(parts.status.as_u16());
            }
            let retry_after = retry_after(&parts.headers, self.environment.now());
            Err(SendError::Refused { code: parts.status.as_u16(), retry_after })
        };
        tokio::time::timeout(PATIENCE, answered).await.unwrap_or(Err(SendError::TimedOut(PATIENCE)))
    }
}

fn request(destination: &Destination, message: &Message) -> Result<Request<Full<Bytes>>, SendError> {
    let address: &Uri = destination.address();
    let mut builder = Request::post(address)
        .header(CONTENT_TYPE, "application/cloudevents+json; charset=utf-8")
        .header(USER_AGENT, concat!("pilothouse-logbook/", env!("CARGO_PKG_VERSION")))
        .header("webhook-id", &message.id)
        .header("webhook-timestamp", message.timestamp);
    let signed = destination
        .secret()
        .and_then(|secret| signature(secret, &message.id, message.timestamp, &message.payload));
    if let Some(signed) = signed {
        builder = builder.header("webhook-signature", signed);
    }
    let body = Full::new(Bytes::from(message.payload.clone()));
    builder.body(body).map_err(|error| SendError::Unreachable { source: error.into() })
}

/// The wait that a `Retry-After` header asks for, in seconds or until a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

impl fmt::Debug for HttpSender {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HttpSender").field("tls", &self.secure.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_reads_seconds_and_dates() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let asked = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers, now)
        };
        assert_eq!(asked("7"), Some(Duration::from_secs(7)));
        assert_eq!(asked("Fri, 02 Jan 2026 03:04:35 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(asked("Fri, 02 Jan 2026 03:04:00 GMT"), Some(Duration::ZERO));
        assert_eq!(asked("soon"), None);
    }
}
