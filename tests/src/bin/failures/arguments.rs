//! What the program takes.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// A controller whose reconciles fail in every way.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the controller, until it is killed.
    Controller(ControllerOptions),
    /// Run the `pilothouse` command.
    Pilothouse {
        /// Its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ControllerOptions {
    /// The cluster.
    #[arg(long)]
    pub(crate) kubeconfig: PathBuf,
    /// The SQLite file of the ledger.
    #[arg(long)]
    pub(crate) ledger: PathBuf,
    /// Fail no more.
    #[arg(long)]
    pub(crate) healed: bool,
}
