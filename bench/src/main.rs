//! Side-by-side benchmarks of Pilothouse and kube-runtime; see the README beside this crate.

mod candidate;
mod command;
mod compare;
mod kube_runtime;
mod pilothouse_informer;
mod pods;
mod process;
mod report;
mod sample;
mod server;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

/// Any failure: a benchmark has nothing to do about one but to say it.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    match command::Arguments::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
