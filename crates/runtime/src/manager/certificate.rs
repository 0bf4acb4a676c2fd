//! The certificate that metrics are served with.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::BoxError;
use crate::{Error, Metrics};

/// How often the files are looked at while connections are made, as controller-runtime's `certwatcher` polls.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// Where a certificate and its key are, both in PEM; the certificates of intermediate authorities may follow in the
/// same file.
#[derive(Clone, Debug)]
pub(super) struct CertificateFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// A certificate that is read again when its files change. Cheap to clone.
///
/// As long as the files hold nothing valid (one of the two written, the other not yet), the last that was stays in use.
#[derive(Clone)]
pub(super) struct Certificate(Arc<Shared>);

struct Shared {
    files: CertificateFiles,
    state: Mutex<State>,
    reads: Counter,
    failures: Counter,
}

struct State {
    config: Arc<ServerConfig>,
    contents: (Vec<u8>, Vec<u8>),
    next_check: Instant,
}

impl Certificate {
    /// Reads the files, which must hold a certificate and its key.
    pub(super) fn open(files: CertificateFiles, metrics: &Metrics) -> Result<Self, Error> {
        let reads = metrics.counter("certwatcher_read_certificate", "Reads of the certificate for metrics");
        let failures = metrics.counter("certwatcher_read_certificate_errors", "Those that failed");
        let (reads, failures) = (reads.with(&[]), failures.with(&[]));
        let read = files.read().and_then(|contents| Ok((configuration(&contents)?, contents)));
        let (config, contents) = read.map_err(|source| Error::Certificate {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
            source,
        })?;
        reads.inc();
        let state = State { config, contents, next_check: Instant::now() + CHECK_INTERVAL };
        Ok(Self(Arc::new(Shared { files, state: Mutex::new(state), reads, failures })))
    }

    /// What to greet the next connection with.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let mut state = self.0.state.lock();
        let now = Instant::now();
        if now >= state.next_check {
            state.next_check = now + CHECK_INTERVAL;
            self.look(&mut state);
        }
        TlsAcceptor::from(Arc::clone(&state.config))
    }

    fn look(&self, state: &mut State) {
        let Shared { files, reads, failures, .. } = &*self.0;
        let fresh = match files.read() {
            Ok(contents) if contents == state.contents => return,
            Ok(contents) => configuration(&contents).map(|config| (config, contents)),
            Err(error) => Err(error),
        };
        reads.inc();
        match fresh {
            Ok((config, contents)) => {
                tracing::info!(?files, "the certificate for metrics has changed");
                (state.config, state.contents) = (config, contents);
            }
            Err(error) => {
                failures.inc();
                let error = crate::controller::chain(&*error);
                tracing::warn!(
                    ?files,
                    error,
                    "cannot use the new certificate for metrics: the old one stays"
                );
            }
        }
    }
}

impl CertificateFiles {
    /// Both files are small and read at most every ten seconds: nobody is held up.
    fn read(&self) -> Result<(Vec<u8>, Vec<u8>), BoxError> {
        let read = |path: &PathBuf| {
            std::fs::read(path).map_err(|error| BoxError::from(format!("{}: {error}", path.display())))
        };
        Ok((read(&self.certificate)?, read(&self.key)?))
    }
}

fn configuration((certificates, key): &(Vec<u8>, Vec<u8>)) -> Result<Arc<ServerConfig>, BoxError> {
    let certificates = CertificateDer::pem_slice_iter(certificates).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(key)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Certificate").field("files", &self.0.files).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, RootCertStore};
    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::testing::{certificate as pair, shown};

    fn write(directory: &Path, (certificate, key): &(String, String)) -> CertificateFiles {
        let files =
            CertificateFiles { certificate: directory.join("tls.crt"), key: directory.join("tls.key") };
        std::fs::write(&files.certificate, certificate).unwrap();
        std::fs::write(&files.key, key).unwrap();
        files
    }

    /// Whether a client that trusts this certificate only comes through.
    async fn is_trusted(certificate: &Certificate, trusted: &str) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let (near, far) = tokio::io::duplex(64 * 1024);
        let name = ServerName::try_from("metrics.example").unwrap();
        let greeting = TlsConnector::from(Arc::new(config)).connect(name, near);
        let (client, server) = futures::join!(greeting, certificate.acceptor().accept(far));
        client.is_ok() && server.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn n5_a_rotated_certificate_is_served_within_ten_seconds_and_half_a_rotation_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (first, second) = (pair(), pair());
        let files = write(directory.path(), &first);
        let metrics = Metrics::new();
        let certificate = Certificate::open(files, &metrics).unwrap();
        assert!(is_trusted(&certificate, &first.0).await && !is_trusted(&certificate, &second.0).await);
        // The new certificate with the old key.
        write(directory.path(), &(second.0.clone(), first.1.clone()));
        tokio::time::sleep(CHECK_INTERVAL).await;
        assert!(is_trusted(&certificate, &first.0).await, "the old pair stays");
        assert_eq!(shown(&metrics, "certwatcher_read_certificate_errors_total", &[]), Some(1.0));
        write(directory.path(), &second);
        assert!(is_trusted(&certificate, &first.0).await, "not looked at yet");
        tokio::time::sleep(CHECK_INTERVAL).await;
        assert!(is_trusted(&certificate, &second.0).await && !is_trusted(&certificate, &first.0).await);
        std::fs::remove_dir_all(directory.path()).unwrap();
        tokio::time::sleep(CHECK_INTERVAL).await;
        assert!(is_trusted(&certificate, &second.0).await, "files that are gone change nothing");
    }

    #[test]
    fn a_certificate_without_its_key_stops_the_start_with_both_names() {
        let directory = tempfile::tempdir().unwrap();
        let files = write(directory.path(), &(pair().0, pair().1));
        let error = Certificate::open(files, &Metrics::new()).unwrap_err();
        let said = crate::controller::chain(&error);
        assert!(said.contains("tls.crt") && said.contains("tls.key"), "{said}");
        assert_eq!(error.reason(), "CertificateNotUsable");
    }
}
