//! The connection under a client, made anew when the files it was made from have changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kube::Config;
use parking_lot::Mutex;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::time::Instant;

use crate::manager::BoxError;

/// How often files are looked at: twice in the minute within which a rotation must have its effect (N5).
const CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// Where a pod finds the token of its service account, and beside it the authority to trust.
const SERVICE_ACCOUNT_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
const AUTHORITY_FILE: &str = "ca.crt";

/// What requests are sent through.
#[derive(Clone)]
pub(super) enum Connection {
    /// Always the same.
    Fixed(kube::Client),
    /// Made from files that are looked at again while the client is in use.
    Rotating(Arc<Rotating>),
}

/// A connection and the files that it was made from: tokens, keys, certificates.
///
/// - **N-I1** a connection is in use that was made from files as they were at most 30 seconds before the request, or
///   from the last ones that one could be made from.
pub(super) struct Rotating {
    config: Config,
    authority: Option<PathBuf>,
    files: Vec<PathBuf>,
    state: Mutex<State>,
}

struct State {
    client: kube::Client,
    /// What the files held, `None` for one that could not be read.
    contents: Contents,
    next_check: Instant,
}

type Contents = Vec<Option<Vec<u8>>>;

impl Connection {
    /// Connects as a configuration says, trusting the authorities in the file `authority` where one is given, or else
    /// those of the service account where its token is used.
    pub(super) fn open(config: Config, authority: Option<PathBuf>) -> Result<Self, BoxError> {
        let login = &config.auth_info;
        let authority = authority.or_else(|| beside_token(login.token_file.as_deref()));
        let named = [&login.token_file, &login.client_certificate, &login.client_key];
        let mut files: Vec<PathBuf> = named.into_iter().flatten().map(PathBuf::from).collect();
        files.extend(authority.clone());
        let contents = contents(&files);
        let client = connect(&config, authority.as_deref())?;
        if files.is_empty() {
            return Ok(Self::Fixed(client));
        }
        let state = Mutex::new(State { client, contents, next_check: Instant::now() + CHECK_INTERVAL });
        Ok(Self::Rotating(Arc::new(Rotating { config, authority, files, state })))
    }

    /// What to send the next request through.
    pub(super) fn client(&self) -> kube::Client {
        match self {
            Self::Fixed(client) => client.clone(),
            Self::Rotating(rotating) => rotating.client(),
        }
    }

    pub(super) fn default_namespace(&self) -> String {
        self.client().default_namespace().to_owned()
    }
}

impl Rotating {
    /// The files are a few kilobytes in memory, as kubelet mounts them: reading them twice a minute holds nobody up.
    fn client(&self) -> kube::Client {
        let mut state = self.state.lock();
        let now = Instant::now();
        if now < state.next_check {
            return state.client.clone();
        }
        state.next_check = now + CHECK_INTERVAL;
        let contents = contents(&self.files);
        if contents == state.contents {
            return state.client.clone();
        }
        match connect(&self.config, self.authority.as_deref()) {
            Ok(client) => {
                tracing::info!(files = ?self.files, "credentials or certificates have changed: connecting anew");
                (state.client, state.contents) = (client, contents);
            }
            // Half of it may have been written; what was valid may be for a while. Looked at again soon.
            Err(error) => tracing::warn!(
                files = ?self.files, error = crate::controller::chain(&*error),
                "cannot use the credentials or certificates that have changed: going on with the ones before"
            ),
        }
        state.client.clone()
    }
}

fn contents(files: &[PathBuf]) -> Contents {
    files.iter().map(|file| std::fs::read(file).ok()).collect()
}

/// The authority that kubelet mounts with the token of the service account.
fn beside_token(token: Option<&str>) -> Option<PathBuf> {
    let token = token.filter(|token| *token == SERVICE_ACCOUNT_TOKEN)?;
    Some(Path::new(token).with_file_name(AUTHORITY_FILE)).filter(|file| file.exists())
}

fn connect(config: &Config, authority: Option<&Path>) -> Result<kube::Client, BoxError> {
    let mut config = config.clone();
    if let Some(file) = authority {
        config.root_cert = Some(authorities(file)?);
    }
    Ok(kube::Client::try_from(config)?)
}

fn authorities(file: &Path) -> Result<Vec<Vec<u8>>, BoxError> {
    let told = |error: BoxError| AuthorityError { file: file.to_owned(), source: error };
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| told(error.into()))?;
    let found: Result<Vec<_>, _> = certificates.map(|one| one.map(|one| one.to_vec())).collect();
    match found {
        Ok(found) if found.is_empty() => Err(told("there is no certificate in it".into()).into()),
        Ok(found) => Ok(found),
        Err(error) => Err(told(error.into()).into()),
    }
}

/// The authorities to trust could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read certificates from {}", file.display())]
struct AuthorityError {
    file: PathBuf,
    source: BoxError,
}
