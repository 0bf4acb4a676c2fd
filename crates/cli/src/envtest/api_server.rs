//! `kube-apiserver`, with the flags that envtest passes.

use std::path::{Path, PathBuf};

use pilothouse::Environment;
use pilothouse_apiserver::{ApiServer, Authorization, ServeOptions, TlsIdentity};
use tokio::net::TcpListener;

use super::flags::Flags;
use super::stand_in::told_to_stop;
use crate::error::CommandError;
use crate::local_server::secret;

/// The flags that make a difference, and those that envtest passes besides.
pub(super) const FLAGS: &[&str] = &[
    "allow-privileged",
    "authorization-mode",
    "bind-address",
    "cert-dir",
    "client-ca-file",
    "disable-admission-plugins",
    "etcd-servers",
    "secure-port",
    "service-account-issuer",
    "service-account-key-file",
    "service-account-signing-key-file",
    "service-cluster-ip-range",
    "tls-cert-file",
    "tls-private-key-file",
];

/// Serves HTTPS at `--bind-address` and `--secure-port` until it is told to stop.
///
/// The certificate is `apiserver.crt` of `--cert-dir`, or the one that `--tls-cert-file` names. Who shows a certificate
/// signed by `--client-ca-file` is the user that it names, who shows a token that this server made for a service
/// account is that account. Who shows nothing is `system:anonymous` where roles decide, who may do what they say of
/// everybody; where everybody may do everything, such a request gets no further than the paths that tell whether the
/// server lives.
///
/// Refuses to start where `--authorization-mode` asks for a rule that this server does not have.
pub(super) async fn run(flags: &Flags) -> Result<(), CommandError> {
    let authorization = authorization(flags)?;
    let tls = identity(flags)?;
    let builder = ApiServer::builder().environment(Environment::real()).authorization(authorization);
    let server = builder.build();
    let host = flags.get("bind-address").unwrap_or("127.0.0.1");
    let address = format!("{host}:{}", flags.get("secure-port").unwrap_or("6443"));
    let failed = |source| CommandError::ListenAt { address: address.clone(), source };
    let listener = TcpListener::bind(&address).await.map_err(failed)?;
    // A token that nobody is told: who shows nothing is not the administrator.
    let options = ServeOptions { token: Some(secret()?), tls: Some(tls) };
    let handle = server.serve(listener, options).map_err(failed)?;
    told_to_stop().await;
    handle.shutdown().await;
    Ok(())
}

/// Who may do what. As with the real program, what one of several modes allows is allowed.
fn authorization(flags: &Flags) -> Result<Authorization, CommandError> {
    if let Some(file) = flags.get("authorization-config") {
        return Err(CommandError::AuthorizationMode { flag: "authorization-config", value: file.to_owned() });
    }
    let modes = flags.get("authorization-mode").unwrap_or("AlwaysAllow");
    let has = |wanted: &str| modes.split(',').any(|mode| mode == wanted);
    if !modes.split(',').all(|mode| matches!(mode, "AlwaysAllow" | "RBAC" | "Node")) {
        return Err(CommandError::AuthorizationMode { flag: "authorization-mode", value: modes.to_owned() });
    }
    // Node alone lets nodes do what they need and nobody else anything but administrators: what the roles of a new
    // server let everybody do is the nearest.
    Ok(if has("AlwaysAllow") { Authorization::AlwaysAllow } else { Authorization::Rbac })
}

fn identity(flags: &Flags) -> Result<TlsIdentity, CommandError> {
    let folder = Path::new(flags.get("cert-dir").unwrap_or("/var/run/kubernetes"));
    let file = |flag: &str, name: &str| flags.get(flag).map_or_else(|| folder.join(name), PathBuf::from);
    let read = |path: PathBuf| std::fs::read(&path).map_err(|source| CommandError::Read { path, source });
    let certificate = read(file("tls-cert-file", "apiserver.crt"))?;
    let key = read(file("tls-private-key-file", "apiserver.key"))?;
    let clients = flags.get("client-ca-file").map(|path| read(path.into())).transpose()?;
    TlsIdentity::from_pem(&certificate, &key, clients.as_deref())
        .map_err(|source| CommandError::Tls { source })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn with(flags: &[&str]) -> Result<Authorization, CommandError> {
        authorization(&Flags::parse(&flags.iter().map(OsString::from).collect::<Vec<_>>()))
    }

    #[test]
    fn modes_are_what_they_are_with_the_real_program() {
        assert_eq!(with(&[]).unwrap(), Authorization::AlwaysAllow);
        for (modes, expected) in [
            ("AlwaysAllow", Authorization::AlwaysAllow),
            ("RBAC", Authorization::Rbac),
            ("Node,RBAC", Authorization::Rbac),
            ("Node", Authorization::Rbac),
            ("RBAC,AlwaysAllow", Authorization::AlwaysAllow),
        ] {
            assert_eq!(with(&[&format!("--authorization-mode={modes}")]).unwrap(), expected, "{modes}");
        }
    }

    #[test]
    fn a_mode_that_is_not_there_is_refused() {
        for modes in
            ["AlwaysDeny", "Webhook", "ABAC", "RBAC,Webhook", "AlwaysAllow,AlwaysDeny", "rbac", "RBAC,"]
        {
            let error = with(&[&format!("--authorization-mode={modes}")]).unwrap_err().to_string();
            assert!(error.contains(&format!("--authorization-mode={modes}")), "{error}");
            assert!(error.contains("AlwaysAllow, RBAC or Node"), "{error}");
        }
        let error = with(&["--authorization-mode=RBAC", "--authorization-config=/rules.yaml"]).unwrap_err();
        assert!(error.to_string().contains("--authorization-config=/rules.yaml"), "{error}");
    }
}
