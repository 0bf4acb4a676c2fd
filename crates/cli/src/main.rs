//! The `pilothouse` command: `demo`, `apiserver`, `logbook`.

mod arguments;
mod workload;

fn main() {}
