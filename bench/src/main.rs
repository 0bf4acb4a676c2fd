//! Side-by-side benchmarks of Pilothouse, kube-runtime and client-go; see the README beside this crate.

mod apiserver;
mod cache;
mod candidate;
mod command;
mod controller;
mod go;
mod measure;
mod memory;
mod peers;
mod pods;
mod process;
mod progress;
mod queue;
mod run;
mod sample;
mod server;
mod table;
mod verdict;

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
