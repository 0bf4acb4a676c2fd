//! The trial of leader election with processes: `election trial` starts `pilothouse apiserver` and three managers,
//! takes the leader away again and again (SIGTERM, SIGKILL, SIGSTOP) and judges what the managers noted and what the
//! server accepted. `election trial --help` names the options.
//!
//! The other two commands are the processes it starts: this very program, so that one build makes all of it.

mod arguments;
mod clock;
mod history;
mod manager;
mod process;
mod trace;
mod trial;
mod verdict;
mod writing;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Command};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Pilothouse { arguments } => {
            process::end_with_parent();
            let name = std::iter::once(OsString::from("pilothouse"));
            pilothouse_cli::run(name.chain(arguments))
        }
        Command::Manager(options) => {
            process::end_with_parent();
            report(run(manager::run(options)).map(|()| true))
        }
        Command::Trial(options) => report(run(trial::run(options))),
    }
}

fn run<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(work)
}

fn report(outcome: Result<bool, Failure>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("election: {error}");
            ExitCode::FAILURE
        }
    }
}
