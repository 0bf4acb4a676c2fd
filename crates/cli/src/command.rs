//! From arguments to a command that runs.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::arguments::{Arguments, Command};
use crate::error::{CommandError, with_causes};
use crate::{apiserver, deadletters, demo, logbook};

/// Runs the command with these arguments, the first of which is its own name, until it has done what it was asked for
/// or is interrupted. Prints errors to standard error. Call it once in a process: it sets up logging, and starts a
/// runtime of its own.
///
/// **Panics** when called from within a tokio runtime.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match perform(Arguments::parse_from(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pilothouse: {}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

fn perform(arguments: Arguments) -> Result<(), CommandError> {
    let filter = EnvFilter::try_new(&arguments.log)
        .map_err(|_| CommandError::LogFilter { filter: arguments.log.clone() })?;
    let on_terminal = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(on_terminal)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| CommandError::Runtime { source })?;
    runtime.block_on(async {
        match arguments.command {
            Command::Demo(options) => demo::run(options).await,
            Command::Apiserver(options) => apiserver::run(options).await,
            Command::Logbook(options) => logbook::run(options).await,
            Command::Deadletters(options) => Ok(deadletters::run(options).await?),
        }
    })
}
