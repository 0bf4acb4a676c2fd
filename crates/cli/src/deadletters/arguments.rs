//! What `deadletters` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use pilothouse::DeadLetterSelector;
use pilothouse::machinery::{LabelSelector, ObjectKey};

use super::DeadlettersError;

pub(crate) const HELP: &str = "\
Examples:
  kubectl port-forward deployment/website-operator 8080     then, beside it:
  pilothouse deadletters list
  pilothouse deadletters show default/shop
  pilothouse deadletters replay default/shop
  pilothouse deadletters replay --reason Conflict -l team=web
  pilothouse deadletters drop --all --by \"ann, ticket 42\"
  pilothouse deadletters --ledger sqlite:ledger.sqlite list -o json

Through a manager, changes happen at once. Left in the ledger, a running controller makes them within two seconds,
others when they next start.";

#[derive(Debug, Args)]
pub(crate) struct DeadlettersArguments {
    /// The address that a running manager serves metrics on.
    #[arg(
        long,
        global = true,
        env = "PILOTHOUSE_MANAGER",
        value_name = "URL",
        default_value = "http://127.0.0.1:8080"
    )]
    pub(crate) manager: String,
    /// A file with the token to show to a manager that asks who one is (`kubectl create token ACCOUNT > FILE`). To
    /// another machine over https only.
    #[arg(long, global = true, env = "PILOTHOUSE_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// A file with the authorities (PEM) to trust for an https address. Without it, those of the machine.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) certificate_authority: Option<PathBuf>,
    /// The name to expect in the manager's certificate, where it is not that of the address (through a port-forward).
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) tls_server_name: Option<String>,
    /// The ledger itself, instead of a manager: `sqlite:FILE`, `postgres://USER@HOST/DATABASE`,
    /// `mysql://USER@HOST/DATABASE` or `redis://HOST/NUMBER`.
    #[arg(long, global = true, env = "PILOTHOUSE_LEDGER", hide_env_values = true, value_name = "ADDRESS")]
    pub(crate) ledger: Option<String>,
    #[command(subcommand)]
    pub(crate) command: DeadlettersCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadlettersCommand {
    /// List dead letters.
    List {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        output: Output,
    },
    /// Show one dead letter with the whole error and its history.
    Show {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        output: Output,
    },
    /// Try dead letters once more.
    Replay(Change),
    /// Take dead letters off the list without trying them.
    Drop(Change),
}

/// Which dead letters.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The object: NAME of a cluster-scoped one, or NAMESPACE/NAME.
    #[arg(value_name = "OBJECT")]
    pub(crate) object: Option<String>,
    /// Of this controller.
    #[arg(long, value_name = "NAME")]
    pub(crate) controller: Option<String>,
    /// In this namespace.
    #[arg(long, short, value_name = "NAME", conflicts_with = "object")]
    pub(crate) namespace: Option<String>,
    /// Given up for this reason.
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: Option<String>,
    /// Of objects with these labels, as `team=web,tier!=test`.
    #[arg(long, short = 'l', value_name = "LABELS")]
    pub(crate) selector: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Change {
    #[command(flatten)]
    pub(crate) which: Which,
    /// All of them.
    #[arg(long)]
    pub(crate) all: bool,
    /// Who asks: goes into the history.
    #[arg(long, value_name = "NAME", env = "USER", default_value = "somebody")]
    pub(crate) by: String,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Output {
    /// For people or for programs.
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

impl Which {
    pub(crate) fn selector(&self) -> Result<DeadLetterSelector, DeadlettersError> {
        let labels = self.selector.as_deref().map(LabelSelector::parse).transpose();
        let labels = labels.map_err(|source| DeadlettersError::Selector {
            selector: self.selector.clone().unwrap_or_default(),
            source,
        })?;
        let key = self.object.as_deref().map(str::parse::<ObjectKey>).transpose();
        let key = key.map_err(|source| DeadlettersError::Object { source })?;
        let (namespace, name) = match key {
            Some(key) => (Some(key.namespace.to_string()), Some(key.name.to_string())),
            None => (self.namespace.clone(), None),
        };
        let (controller, reason) = (self.controller.clone(), self.reason.clone());
        Ok(DeadLetterSelector { controller, namespace, name, reason, labels })
    }
}
