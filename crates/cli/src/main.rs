//! The `pilothouse` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    pilothouse_cli::run(std::env::args_os())
}
