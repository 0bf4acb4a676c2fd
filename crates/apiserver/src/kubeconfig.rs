//! A configuration file for clients.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ClientCertificate;

/// What a user shows.
#[derive(Clone, Copy)]
pub enum Credentials<'text> {
    /// Nothing.
    Anonymous,
    /// A bearer token.
    Token(&'text str),
    /// A client certificate, which [`TlsIdentity::issue`](crate::TlsIdentity::issue) makes.
    Certificate(&'text ClientCertificate),
}

impl fmt::Debug for Credentials<'_> {
    /// Tells the kind, not what is shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Token(_) => "Token",
            Self::Certificate(_) => "Certificate",
        })
    }
}

/// A token, or nothing.
impl<'text> From<Option<&'text str>> for Credentials<'text> {
    fn from(token: Option<&'text str>) -> Self {
        token.map_or(Self::Anonymous, Self::Token)
    }
}

impl<'text> From<&'text ClientCertificate> for Credentials<'text> {
    fn from(certificate: &'text ClientCertificate) -> Self {
        Self::Certificate(certificate)
    }
}

/// The text of a kubeconfig (YAML) for a server at `url`, with its one user showing `credentials` and trusting the
/// authority `certificate_authority` (PEM), if given.
///
/// Clients of the Go library send a token over TLS only: over plain HTTP they stay anonymous.
///
/// ```
/// let text = pilothouse_apiserver::kubeconfig("http://127.0.0.1:8001", Some("secret"), None);
/// assert!(text.contains("server: \"http://127.0.0.1:8001\""));
/// ```
pub fn kubeconfig<'text>(
    url: &str,
    credentials: impl Into<Credentials<'text>>,
    certificate_authority: Option<&str>,
) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let user = match credentials.into() {
        Credentials::Anonymous => "{}".to_owned(),
        Credentials::Token(token) => format!("{{token: {}}}", quoted(token)),
        Credentials::Certificate(certificate) => format!(
            "{{client-certificate-data: {}, client-key-data: {}}}",
            quoted(&STANDARD.encode(certificate.certificate())),
            quoted(&STANDARD.encode(certificate.key()))
        ),
    };
    let authority = certificate_authority.map_or_else(String::new, |pem| {
        format!("    certificate-authority-data: {}\n", quoted(&STANDARD.encode(pem)))
    });
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: pilothouse\n\
         clusters:\n- name: pilothouse\n  cluster:\n    server: {}\n{authority}\
         users:\n- name: admin\n  user: {user}\n\
         contexts:\n- name: pilothouse\n  context: {{cluster: pilothouse, user: admin, namespace: default}}\n",
        quoted(url)
    )
}
