//! What stops `deadletters`.

use std::path::PathBuf;

use pilothouse::ledger::LedgerError;
use pilothouse::machinery::object_key::ParseObjectKeyError;
use pilothouse::machinery::selector::SelectorError;
use pilothouse_ledger::OpenError;

/// Why a command about dead letters failed, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeadlettersError {
    #[error("cannot read the selector {selector:?}: write for example team=web,tier!=test")]
    Selector { selector: String, source: SelectorError },
    #[error("cannot tell which object is meant")]
    Object { source: ParseObjectKeyError },
    #[error(
        "say which dead letters: an object, --controller, --namespace, --reason or --selector; or --all of them"
    )]
    NothingSelected,
    #[error(
        "say which dead letter to show: NAMESPACE/NAME; `pilothouse deadletters list` shows those there are"
    )]
    NothingToShow,
    #[error("cannot find a dead letter {name}: `pilothouse deadletters list` shows those there are")]
    NotFound { name: String },
    #[error("cannot read {address:?} as the address of a manager: write for example http://127.0.0.1:8080")]
    Address { address: String },
    #[error(
        "cannot send a token to {address}, where everybody on the way could read it: give an https address, or reach the \
         manager through `kubectl port-forward` at http://127.0.0.1:8080"
    )]
    TokenInClear { address: String },
    #[error(
        "cannot reach a manager at {address}: give its metrics address with --manager (through `kubectl port-forward`, \
         if it runs in a cluster), or its ledger with --ledger"
    )]
    Reach { address: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("cannot use the file {}", path.display())]
    File { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("cannot read {name:?} as the name of a server: write for example metrics.operators.svc")]
    ServerName { name: String },
    #[error("cannot do that: the manager at {address} answers {status}: {why}")]
    Refused { address: String, status: u16, why: String },
    #[error(
        "cannot understand the manager at {address}: is that the address of a Pilothouse manager, of this version?"
    )]
    Unreadable { address: String, source: serde_json::Error },
    #[error(
        "cannot open the ledger: is the file or the server there? A manager makes it when it first starts"
    )]
    Open { source: OpenError },
    #[error("cannot use the ledger")]
    Ledger { source: LedgerError },
    #[error("cannot print JSON")]
    Print { source: serde_json::Error },
}
