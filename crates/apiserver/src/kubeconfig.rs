//! A configuration file for clients.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The text of a kubeconfig (YAML) for a server at `url`, with its one user showing `token` and trusting the
/// authority `certificate_authority` (PEM), if given.
///
/// Clients of the Go library send a token over TLS only: over plain HTTP they stay anonymous.
///
/// ```
/// let text = pilothouse_apiserver::kubeconfig("http://127.0.0.1:8001", Some("secret"), None);
/// assert!(text.contains("server: \"http://127.0.0.1:8001\""));
/// ```
pub fn kubeconfig(url: &str, token: Option<&str>, certificate_authority: Option<&str>) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let user = token.map_or_else(|| "{}".to_owned(), |token| format!("{{token: {}}}", quoted(token)));
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
