//! A controller whose reconciles fail in every way, as a process of its own: what `tests/tests/dead_letters.rs` starts,
//! kills and starts again. With `pilothouse` as its first argument it is the command instead, so that one build makes all.

mod arguments;
mod failing;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Command};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Pilothouse { arguments } => {
            let name = std::iter::once(OsString::from("pilothouse"));
            pilothouse_cli::run(name.chain(arguments))
        }
        Command::Controller(options) => {
            // Where that cannot be had, a test that is killed leaves a process behind; nothing else changes.
            let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            let ended =
                runtime.map_err(Failure::from).and_then(|runtime| runtime.block_on(failing::run(options)));
            if let Err(error) = ended {
                eprintln!("failures: {error}");
                return ExitCode::FAILURE;
            }
            ExitCode::SUCCESS
        }
    }
}
