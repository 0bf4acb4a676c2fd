//! The `pilothouse` command: `demo`, `apiserver`, `logbook`.

mod apiserver;
mod arguments;
mod console;
mod demo;
mod error;
mod files;
mod local_server;
mod logbook;
mod portal;
mod workload;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::arguments::{Arguments, Command};
use crate::error::{CommandError, with_causes};

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pilothouse: {}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), CommandError> {
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
        }
    })
}
