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
/// signed by `--client-ca-file` is the user that it names; nobody else is let in.
pub(super) async fn run(flags: &Flags) -> Result<(), CommandError> {
    let modes = flags.get("authorization-mode").unwrap_or("AlwaysAllow");
    let rbac = modes.split(',').any(|mode| mode == "RBAC");
    let authorization = if rbac { Authorization::Rbac } else { Authorization::AlwaysAllow };
    let tls = identity(flags)?;
    let builder = ApiServer::builder().environment(Environment::real()).authorization(authorization);
    let server = builder.build();
    let host = flags.get("bind-address").unwrap_or("127.0.0.1");
    let address = format!("{host}:{}", flags.get("secure-port").unwrap_or("6443"));
    let failed = |source| CommandError::ListenAt { address: address.clone(), source };
    let listener = TcpListener::bind(&address).await.map_err(failed)?;
    // A token that nobody is told: who shows nothing is not let in.
    let options = ServeOptions { token: Some(secret()?), tls: Some(tls) };
    let handle = server.serve(listener, options).map_err(failed)?;
    told_to_stop().await;
    handle.shutdown().await;
    Ok(())
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
