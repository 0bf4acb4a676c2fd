//! The examples that `tests/tests/examples.rs` starts as processes, and the `pilothouse` command: the first argument
//! says which, so that one build makes all.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    // Where that cannot be had, a test that is killed leaves a process behind; nothing else changes.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    match arguments.peek().and_then(|name| name.to_str()) {
        Some("pilothouse") => pilothouse_cli::run(arguments),
        Some("bucket-operator") => {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            let ended = runtime
                .map_err(Into::into)
                .and_then(|runtime| runtime.block_on(bucket_operator::run(arguments)));
            if let Err(error) = ended {
                eprintln!("bucket-operator: {error}");
                return ExitCode::FAILURE;
            }
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("programs: say pilothouse or bucket-operator, and its arguments");
            ExitCode::FAILURE
        }
    }
}
