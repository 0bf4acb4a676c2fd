//! Where a process shows metrics and health, and to whom.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use super::access::Gate;
use super::certificate::{Certificate, CertificateFiles};
use super::endpoints::{Endpoints, Pages};
use super::health::Health;
use super::letters::Letters;
use super::server::Server;
use super::{LivenessCheck, MetricsAccess, RunContext};
use crate::Error;
use crate::metrics::Process;

/// What was chosen about it.
#[derive(Default)]
pub(super) struct Serving {
    pub(super) address: Option<SocketAddr>,
    pub(super) probes: Option<SocketAddr>,
    pub(super) access: MetricsAccess,
    pub(super) certificate: Option<CertificateFiles>,
    pub(super) on_listening: Option<Box<dyn FnOnce(SocketAddr) + Send>>,
    pub(super) remote_dead_letter_changes: bool,
}

impl Serving {
    /// Listens on the addresses chosen. Serves until what is returned is dropped.
    pub(super) async fn start(self, context: &RunContext) -> Result<Vec<(Server, LivenessCheck)>, Error> {
        let Self { address, probes, access, certificate, on_listening, remote_dead_letter_changes } = self;
        let endpoints = Endpoints {
            metrics: context.metrics.clone(),
            health: Health {
                readiness: context.readiness.clone(),
                liveness: context.liveness.clone(),
                informers: context.informers.clone(),
                leadership: context.leadership.clone(),
                reach: Arc::clone(context.client.reach()),
            },
            letters: Letters { letters: context.dead_letters.clone(), is_open: remote_dead_letter_changes },
            gate: Gate::new(access, &context.client),
        };
        let mut servers = Vec::new();
        if let Some(address) = probes {
            let server =
                Server::start(endpoints.clone(), Pages::Probes, address, None, &context.environment).await?;
            tracing::info!(address = %server.address, "serving probes");
            let alive = context.liveness.task("probes server", server.task());
            servers.push((server, alive));
        }
        let Some(address) = address else { return Ok(servers) };
        let is_remote = !address.ip().to_canonical().is_loopback();
        if is_remote && access == MetricsAccess::Loopback {
            return Err(Error::Unprotected { address });
        }
        if is_remote && access == MetricsAccess::Delegated && certificate.is_none() {
            tracing::warn!(%address, "tokens for metrics cross the network in clear: give a metrics_certificate");
        }
        Process::show(&context.metrics);
        let certificate = certificate.map(|files| Certificate::open(files, &context.metrics)).transpose()?;
        let server = Server::start(endpoints, Pages::All, address, certificate, &context.environment).await?;
        tracing::info!(address = %server.address, "serving metrics and health");
        if let Some(report) = on_listening {
            report(server.address);
        }
        let alive = context.liveness.task("metrics server", server.task());
        servers.push((server, alive));
        Ok(servers)
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Serving").field("address", &self.address).finish_non_exhaustive()
    }
}
