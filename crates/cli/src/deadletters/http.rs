//! The way to a running manager.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use pilothouse::DeadLetterSelector;
use serde_json::Value;

use super::DeadlettersError;

/// How long a manager may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A manager that runs somewhere.
pub(crate) struct ManagerClient {
    address: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl ManagerClient {
    pub(crate) fn new(address: &str) -> Result<Self, DeadlettersError> {
        let address = address.trim_end_matches('/').to_owned();
        let is_right = address.parse::<Uri>().is_ok_and(|uri| {
            uri.scheme_str() == Some("http") && uri.authority().is_some() && uri.query().is_none()
        });
        if !is_right {
            return Err(DeadlettersError::Address { address });
        }
        Ok(Self { client: Client::builder(TokioExecutor::new()).build_http(), address })
    }

    /// Sends a request; the JSON that came back.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        by: Option<&str>,
    ) -> Result<Value, DeadlettersError> {
        let reach = |source| DeadlettersError::Reach { address: self.address.clone(), source };
        let pairs: Vec<_> = query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let mut request = Request::builder().method(method).uri(format!(
            "{}/deadletters{path}?{}",
            self.address,
            pairs.join("&")
        ));
        if let Some(by) = by {
            // A header holds visible ASCII only.
            let by = by.replace(|found: char| !(' '..='~').contains(&found), "?");
            request = request.header("pilothouse-by", by);
        }
        let request = request.body(Full::default()).map_err(|error| reach(error.into()))?;
        let answer = async {
            let response = self.client.request(request).await?;
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((status, body))
        };
        let answer = tokio::time::timeout(PATIENCE, answer).await;
        let (status, body) = answer.map_err(|late| reach(late.into()))?.map_err(reach)?;
        let document = serde_json::from_slice::<Value>(&body);
        if status.is_success() {
            let address = self.address.clone();
            return document.map_err(|source| DeadlettersError::Unreadable { address, source });
        }
        let why = document.ok().and_then(|document| Some(document.get("error")?.as_str()?.to_owned()));
        Err(DeadlettersError::Refused {
            address: self.address.clone(),
            status: status.as_u16(),
            why: why.unwrap_or_else(|| "it knows no dead letters".to_owned()),
        })
    }

    pub(crate) fn unreadable(&self, source: serde_json::Error) -> DeadlettersError {
        DeadlettersError::Unreadable { address: self.address.clone(), source }
    }
}

/// A selector as a query.
pub(crate) fn query(selector: &DeadLetterSelector) -> Vec<(&'static str, String)> {
    let DeadLetterSelector { controller, namespace, name, reason, labels } = selector.clone();
    let labels = labels.map(|labels| labels.to_string());
    [
        ("controller", controller),
        ("namespace", namespace),
        ("name", name),
        ("reason", reason),
        ("selector", labels),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

fn encoded(value: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    value.bytes().map(one).collect()
}
