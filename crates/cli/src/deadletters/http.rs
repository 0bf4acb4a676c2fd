//! The way to a running manager.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use pilothouse::DeadLetterSelector;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

use super::{DeadlettersArguments, DeadlettersError};

/// How long a manager may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A manager that runs somewhere.
pub(crate) struct ManagerClient {
    address: String,
    token: Option<HeaderValue>,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl ManagerClient {
    pub(crate) fn new(arguments: &DeadlettersArguments) -> Result<Self, DeadlettersError> {
        let address = arguments.manager.trim_end_matches('/').to_owned();
        let is_right = address.parse::<Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.authority().is_some()
                && uri.query().is_none()
        });
        if !is_right {
            return Err(DeadlettersError::Address { address });
        }
        if arguments.token_file.is_some() && is_in_clear(&address) {
            return Err(DeadlettersError::TokenInClear { address });
        }
        let client = Client::builder(TokioExecutor::new()).build(connector(arguments)?);
        Ok(Self { address, token: arguments.token_file.as_deref().map(token).transpose()?, client })
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
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token);
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

/// Whether what is sent to this address crosses a network as it is.
fn is_in_clear(address: &str) -> bool {
    let Ok(uri) = address.parse::<Uri>() else { return true };
    let host = uri.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = host.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    uri.scheme_str() != Some("https") && !is_loopback
}

/// The header that shows the token in a file. The value is marked as secret: `Debug` does not print it (Z3).
fn token(path: &Path) -> Result<HeaderValue, DeadlettersError> {
    let failed = |source| DeadlettersError::File { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.into()))?;
    let header = HeaderValue::try_from(format!("Bearer {}", text.trim()));
    let mut header = header.map_err(|_| failed("it holds no token".into()))?;
    header.set_sensitive(true);
    Ok(header)
}

/// How connections are made: plain ones too, for managers that serve on loopback.
fn connector(arguments: &DeadlettersArguments) -> Result<HttpsConnector<HttpConnector>, DeadlettersError> {
    let builder = HttpsConnectorBuilder::new();
    let builder = match &arguments.certificate_authority {
        Some(path) => {
            let failed = |source| DeadlettersError::File { path: path.clone(), source };
            let pem = std::fs::read(path).map_err(|error| failed(error.into()))?;
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| failed(error.into()))?;
                roots.add(certificate).map_err(|error| failed(error.into()))?;
            }
            if roots.is_empty() {
                return Err(failed("it holds no certificate".into()));
            }
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
            let config = config.map_err(|error| failed(error.into()))?;
            builder.with_tls_config(config.with_root_certificates(roots).with_no_client_auth())
        }
        None => builder.with_native_roots().unwrap_or_else(|_| {
            let config = ClientConfig::builder().with_root_certificates(RootCertStore::empty());
            HttpsConnectorBuilder::new().with_tls_config(config.with_no_client_auth())
        }),
    };
    let builder = builder.https_or_http();
    let Some(name) = &arguments.tls_server_name else { return Ok(builder.enable_http1().build()) };
    let known = ServerName::try_from(name.clone());
    let known = known.map_err(|_| DeadlettersError::ServerName { name: name.clone() })?;
    Ok(builder.with_server_name_resolver(FixedServerNameResolver::new(known)).enable_http1().build())
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: DeadlettersArguments,
    }

    fn client(flags: &[&str]) -> Result<ManagerClient, DeadlettersError> {
        let words = ["deadletters"].iter().chain(flags).chain(&["list"]);
        ManagerClient::new(&Line::parse_from(words).arguments)
    }

    #[test]
    fn a_token_is_not_sent_in_clear_to_another_machine() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "secret").unwrap();
        let file = file.to_str().unwrap();
        for address in [
            "http://10.0.0.1:8080",
            "http://operator.svc:8080",
            "http://[2001:db8::1]:8080",
            "http://localhost.example",
        ] {
            let Err(error) = client(&["--manager", address, "--token-file", file]) else {
                panic!("{address} is taken");
            };
            let error = error.to_string();
            assert!(error.contains(address) && error.contains("https"), "{error}");
            assert!(client(&["--manager", address]).is_ok(), "{address} without a token");
        }
        for address in
            ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080", "https://10.0.0.1:8443"]
        {
            assert!(client(&["--manager", address, "--token-file", file]).is_ok(), "{address}");
        }
    }
}
