//! The connection under a client, made anew when the files it was made from have changed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use kube::Config;
use parking_lot::Mutex;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::time::Instant;

use super::sockets;
use crate::leader::Tenure;
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
    /// Made from a configuration, and from files that are looked at again while the client is in use.
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
    /// Bytes leave only within this term.
    tenure: Option<Arc<Tenure>>,
    state: Mutex<State>,
    /// The connection for the newest term, which all share who lead in it.
    newest: Mutex<Option<(Weak<Tenure>, Connection)>>,
}

struct State {
    client: kube::Client,
    /// What the files held, `None` for one that could not be read.
    contents: Contents,
    next_check: Instant,
}

impl State {
    fn new(contents: Contents, client: kube::Client) -> Self {
        Self { client, contents, next_check: Instant::now() + CHECK_INTERVAL }
    }
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
        let state = State::new(contents(&files), connect(&config, authority.as_deref(), None)?);
        Ok(Self::Rotating(Arc::new(Rotating::new(config, authority, files, None, state))))
    }

    /// The way of the writes of a term: connections of its own that pass no bytes outside of it, where opening
    /// connections is this client's business; else the same as that of all other requests.
    pub(super) fn of_term(&self, tenure: &Arc<Tenure>) -> Self {
        match self {
            Self::Fixed(_) => self.clone(),
            Self::Rotating(rotating) => rotating.of_term(tenure),
        }
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
    fn new(
        config: Config,
        authority: Option<PathBuf>,
        files: Vec<PathBuf>,
        tenure: Option<Arc<Tenure>>,
        state: State,
    ) -> Self {
        Self { config, authority, files, tenure, state: Mutex::new(state), newest: Mutex::default() }
    }

    fn of_term(&self, tenure: &Arc<Tenure>) -> Connection {
        let mut newest = self.newest.lock();
        if let Some((_, known)) = newest.as_ref().filter(|(known, _)| known.as_ptr() == Arc::as_ptr(tenure)) {
            return known.clone();
        }
        let (config, authority, files) = (self.config.clone(), self.authority.clone(), self.files.clone());
        let contents = contents(&files);
        let state = match connect(&config, authority.as_deref(), Some(tenure)) {
            Ok(client) => State::new(contents, client),
            Err(error) => {
                let error = crate::controller::chain(&*error);
                tracing::error!(error, "cannot open connections for a leader's writes");
                // Without contents, so that it is tried anew.
                State::new(Contents::new(), sockets::refusing(error, &config.default_namespace))
            }
        };
        let rotating = Self::new(config, authority, files, Some(Arc::clone(tenure)), state);
        let connection = Connection::Rotating(Arc::new(rotating));
        *newest = Some((Arc::downgrade(tenure), connection.clone()));
        connection
    }

    /// The files are a few kilobytes in memory, as kubelet mounts them: reading them twice a minute holds nobody up.
    fn client(&self) -> kube::Client {
        let mut state = self.state.lock();
        let now = Instant::now();
        if now < state.next_check || self.files.is_empty() {
            return state.client.clone();
        }
        state.next_check = now + CHECK_INTERVAL;
        let contents = contents(&self.files);
        if contents == state.contents {
            return state.client.clone();
        }
        match connect(&self.config, self.authority.as_deref(), self.tenure.as_ref()) {
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

fn connect(
    config: &Config,
    authority: Option<&Path>,
    tenure: Option<&Arc<Tenure>>,
) -> Result<kube::Client, BoxError> {
    let mut config = config.clone();
    if let Some(file) = authority {
        config.root_cert = Some(authorities(file)?);
    }
    Ok(match tenure {
        Some(tenure) => sockets::connect(&config, tenure)?,
        None => kube::Client::try_from(config)?,
    })
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
