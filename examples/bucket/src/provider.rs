//! The provider's API, and how it fails.
//!
//! `PUT /buckets/NAME` makes a bucket what the body says, `DELETE /buckets/NAME` begins to delete it; both answer
//! with its state, and may be repeated. Names are the caller's choice: so nothing has to be remembered between a
//! request and its answer, and no crash in between makes a second bucket.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde::{Deserialize, Serialize};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceExt as _};

/// What a bucket should be.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Wish<'a> {
    pub(crate) region: &'a str,
    pub(crate) policy: Option<&'a str>,
}

/// How far the provider is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// It is being made.
    Creating,
    /// It is there.
    Ready,
    /// It is being deleted.
    Deleting,
    /// There is none of this name.
    Gone,
}

/// Why the provider did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// It could not be asked.
    #[error("cannot reach the provider")]
    Unreachable(#[source] BoxError),
    /// It has trouble of its own.
    #[error("the provider is in trouble: status {0}")]
    Trouble(StatusCode),
    /// It will not do this, however often it is asked.
    #[error("the provider refuses: {message}")]
    Refused {
        /// Its word for why, in `CamelCase`.
        code: String,
        /// Its explanation.
        message: String,
    },
    /// Its answer makes no sense.
    #[error("cannot understand the provider")]
    Unreadable(#[source] serde_json::Error),
}

impl ProviderError {
    /// Whether this speaks against the provider, and not against what was asked.
    #[must_use]
    pub fn is_trouble(&self) -> bool {
        !matches!(self, Self::Refused { .. })
    }
}

#[derive(Deserialize)]
struct Answer {
    state: State,
}

#[derive(Deserialize)]
struct Refusal {
    code: String,
    message: String,
}

/// The way to the provider.
#[derive(Clone, Debug)]
pub struct Provider {
    address: String,
    transport: BoxCloneSyncService<Request<Full<Bytes>>, Response<Bytes>, BoxError>,
}

impl Provider {
    /// The provider at an address, as `http://provider.example`.
    pub fn at(address: &str) -> Result<Self, http::uri::InvalidUri> {
        address.parse::<http::Uri>()?;
        Ok(Self::over(address, Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>()))
    }

    /// The provider at an address, reached through `service`: in tests, a server in the same process.
    pub fn over<S, B>(address: &str, service: S) -> Self
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let whole = |response: Response<B>| async move {
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(Into::into)?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        };
        let transport = BoxCloneSyncService::new(service.map_err(Into::into).and_then(whole));
        Self { address: address.trim_end_matches('/').to_owned(), transport }
    }

    /// Makes the bucket `name` what `wish` says, whether it is there or not. Dropping the future leaves open whether
    /// the provider does it.
    pub(crate) async fn put(&self, name: &str, wish: &Wish<'_>) -> Result<State, ProviderError> {
        let body = serde_json::to_vec(wish).map_err(ProviderError::Unreadable)?;
        self.send(Method::PUT, name, body).await
    }

    /// Deletes the bucket `name`, or goes on with that. Dropping the future leaves open whether the provider does it.
    pub(crate) async fn delete(&self, name: &str) -> Result<State, ProviderError> {
        self.send(Method::DELETE, name, Vec::new()).await
    }

    async fn send(&self, method: Method, name: &str, body: Vec<u8>) -> Result<State, ProviderError> {
        let is_deletion = method == Method::DELETE;
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/buckets/{name}", self.address))
            .header("content-type", "application/json")
            .body(Full::from(body))
            .map_err(|error| ProviderError::Unreachable(error.into()))?;
        let response = self.transport.clone().oneshot(request).await.map_err(ProviderError::Unreachable)?;
        let (status, body) = (response.status(), response.body());
        if status == StatusCode::NOT_FOUND && is_deletion {
            return Ok(State::Gone);
        }
        if status.is_success() {
            let answer: Answer = serde_json::from_slice(body).map_err(ProviderError::Unreadable)?;
            return Ok(answer.state);
        }
        // Too many requests are trouble too: what is asked for is right, and the provider has enough of it.
        if !status.is_client_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(ProviderError::Trouble(status));
        }
        let Refusal { code, message } = serde_json::from_slice(body).map_err(ProviderError::Unreadable)?;
        Err(ProviderError::Refused { code, message })
    }
}
