//! The API server as the commands run it: on 127.0.0.1, for whom it knows, with a kubeconfig written for it.

use std::net::Ipv4Addr;
use std::path::Path;

use pilothouse::{Client, ClientOptions, Environment, Metrics};
use pilothouse_apiserver::{
    ApiServer, ApiServerBuilder, ServeOptions, ServerHandle, TlsIdentity, User, kubeconfig,
};
use tokio::net::TcpListener;

use crate::error::CommandError;
use crate::files::write_private;

/// A served API server.
pub(crate) struct LocalServer {
    server: ApiServer,
    handle: ServerHandle,
}

impl LocalServer {
    /// Builds what `builder` describes, serves it on `port` (0: any) and writes its kubeconfig.
    pub(crate) async fn start(
        builder: ApiServerBuilder,
        port: u16,
        option: &'static str,
        kubeconfig_out: &Path,
    ) -> Result<Self, CommandError> {
        let listener = listen(port, option).await?;
        let tls = TlsIdentity::generate().map_err(|source| CommandError::Tls { source })?;
        // The administrator as kubeadm and kind name it, with a certificate as they issue one.
        let admin = User::new("kubernetes-admin").with_group("system:masters");
        let certificate = tls.issue(&admin).map_err(|source| CommandError::Tls { source })?;
        let server = builder.furnished(tls.certificate_authority()).build();
        // A token that nobody is told: who shows nothing is not let in.
        let options = ServeOptions { token: Some(secret()?), tls: Some(tls.clone()) };
        let handle = server.serve(listener, options).map_err(|source| CommandError::Listen {
            port,
            option,
            source,
        })?;
        let url = format!("https://{}", handle.local_addr());
        let text = kubeconfig(&url, &certificate, Some(tls.certificate_authority()));
        write_private(kubeconfig_out, &text)?;
        Ok(Self { server, handle })
    }

    /// A client that talks to the server without a socket, and without a limit of its own.
    pub(crate) fn client(&self, environment: &Environment, metrics: &Metrics) -> Client {
        let inner = kube::Client::new(self.server.clone(), "default");
        Client::new(inner, ClientOptions::unlimited(), environment, metrics)
    }

    /// Where it is served.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.handle.local_addr())
    }

    /// Ends watches, lets other requests finish, and stops.
    pub(crate) async fn stop(self) {
        self.handle.shutdown().await;
    }
}

/// 128 bits from the operating system, as hexadecimal text: a token nobody can guess.
pub(crate) fn secret() -> Result<String, CommandError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|source| CommandError::Entropy { source })?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// Listens on 127.0.0.1; `option` is the flag to name when the port is taken.
pub(crate) async fn listen(port: u16, option: &'static str) -> Result<TcpListener, CommandError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|source| CommandError::Listen {
        port,
        option,
        source,
    })
}

/// Randomness from `seed`, or from the machine.
pub(crate) fn environment(seed: Option<u64>) -> Environment {
    seed.map_or_else(Environment::real, Environment::seeded)
}
