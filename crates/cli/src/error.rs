//! What stops a command.

use std::path::PathBuf;

use crate::deadletters::DeadlettersError;

/// Why a command ended. The message says what we could not do and to what; the cause follows it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error("cannot listen on 127.0.0.1:{port}: choose another port with {option}, or 0 for a free one")]
    Listen { port: u16, option: &'static str, source: std::io::Error },
    #[error("cannot listen on {address}")]
    ListenAt { address: String, source: std::io::Error },
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("cannot read the kubeconfig")]
    Kubeconfig { source: kube::config::KubeconfigError },
    #[error("cannot find a cluster: name one with --kubeconfig")]
    Infer { source: kube::config::InferConfigError },
    #[error("cannot build a client for the cluster")]
    Client { source: pilothouse::ClientError },
    #[error("cannot reach the cluster at {url}")]
    Reach { url: String, source: pilothouse::ClientError },
    #[error("cannot open the logbook in {}", path.display())]
    Logbook { path: PathBuf, source: pilothouse_logbook::LogbookError },
    #[error("cannot make a certificate for the API server")]
    Tls { source: pilothouse_apiserver::TlsError },
    #[error(
        "cannot decide who may do what as --{flag}={value} says: give --authorization-mode with AlwaysAllow, RBAC or Node"
    )]
    AuthorizationMode { flag: &'static str, value: String },
    #[error("cannot draw a token from the operating system's entropy")]
    Entropy { source: getrandom::Error },
    #[error(transparent)]
    Deadletters(#[from] DeadlettersError),
    #[error("stopped early")]
    Run { source: pilothouse::Error },
    #[error(
        "cannot understand the log filter {filter:?}: write error, warn, info, debug, trace, or module=level"
    )]
    LogFilter { filter: String },
    #[error("cannot start the runtime")]
    Runtime { source: std::io::Error },
}

/// The message of an error with all its causes, one per line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let line = error.to_string();
        if !text.ends_with(&line) {
            text.push_str("\n  because: ");
            text.push_str(&line);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_its_causes_below_it() {
        let source = std::io::Error::other("address in use");
        let error = CommandError::Listen { port: 8080, option: "--port", source };
        assert_eq!(
            with_causes(&error),
            "cannot listen on 127.0.0.1:8080: choose another port with --port, or 0 for a free one\n  because: address in use"
        );
    }
}
