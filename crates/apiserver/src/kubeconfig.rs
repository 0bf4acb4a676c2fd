//! A configuration file for clients.

/// The text of a kubeconfig (YAML) for a server at `url`, with its one user showing `token`, if given.
///
/// kubectl does not send tokens over plain HTTP: there the address itself carries the token as well.
///
/// ```
/// let text = pilothouse_apiserver::kubeconfig("http://127.0.0.1:8001", Some("secret"));
/// assert!(text.contains("server: \"http://127.0.0.1:8001/with-token/secret\""));
/// ```
pub fn kubeconfig(url: &str, token: Option<&str>) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let user = token.map_or_else(|| "{}".to_owned(), |token| format!("{{token: {}}}", quoted(token)));
    let plain = url.starts_with("http://");
    let path = token.filter(|_| plain).map(crate::path_token::path_of).unwrap_or_default();
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: pilothouse\n\
         clusters:\n- name: pilothouse\n  cluster:\n    server: {}\n\
         users:\n- name: admin\n  user: {user}\n\
         contexts:\n- name: pilothouse\n  context: {{cluster: pilothouse, user: admin, namespace: default}}\n",
        quoted(&format!("{url}{path}"))
    )
}
