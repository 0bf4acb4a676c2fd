//! From arguments to a command that runs.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::arguments::{Arguments, Command, LOG as DEFAULT_LOG};
use crate::envtest::{self, StandIn};
use crate::error::{CommandError, with_causes};
use crate::{apiserver, deadletters, demo, logbook};

/// Runs the command with these arguments, the first of which is its own name, until it has done what it was asked for
/// or is interrupted. Prints errors to standard error. Call it once in a process: it sets up logging, and starts a
/// runtime of its own.
///
/// **Panics** when called from within a tokio runtime.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let stand_in = arguments.first().and_then(|program| StandIn::of(program));
    let ended = match stand_in {
        Some(stand_in) if stand_in.helps(&arguments[1..]) => Ok(()),
        Some(stand_in) => on_a_runtime(DEFAULT_LOG, stand_in.run(&arguments[1..])),
        None => perform(Arguments::parse_from(arguments)),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pilothouse: {}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

fn perform(arguments: Arguments) -> Result<(), CommandError> {
    let command = async {
        match arguments.command {
            Command::Demo(options) => demo::run(options).await,
            Command::Apiserver(options) => apiserver::run(options).await,
            Command::Envtest(options) => envtest::make(&options.folder),
            Command::Logbook(options) => logbook::run(options).await,
            Command::Deadletters(options) => Ok(deadletters::run(options).await?),
        }
    };
    on_a_runtime(&arguments.log, command)
}

/// Runs a command, with what `filter` lets through logged to standard error.
fn on_a_runtime(
    filter: &str,
    command: impl Future<Output = Result<(), CommandError>>,
) -> Result<(), CommandError> {
    let filter =
        EnvFilter::try_new(filter).map_err(|_| CommandError::LogFilter { filter: filter.to_owned() })?;
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
    runtime.block_on(command)
}
