//! Elections between processes: a short trial. `election trial` without options is a long one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

/// Times are judged generously here: what a busy machine does to them is no failure. Who leads and whose writes are
/// accepted is judged as strictly as ever.
const OPTIONS: &[&str] = &[
    "trial",
    "--graceful",
    "2",
    "--killed",
    "2",
    "--stopped",
    "2",
    "--lease",
    "3",
    "--renew",
    "2000",
    "--retry",
    "500",
    "--handover",
    "20000",
    "--slack",
    "20000",
];

fn trial(more: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_election"));
    let output = command.args(OPTIONS).args(more).output().unwrap();
    let text = [&*output.stdout, &*output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn e5_e11_e12_of_three_processes_one_leads_and_no_write_of_an_old_term_is_accepted_however_a_leader_ends() {
    let (is_right, text) = trial(&[]);
    assert!(is_right, "{text}");
}

#[test]
fn e11_the_trial_notices_a_manager_that_writes_beside_the_fence() {
    let (is_right, text) = trial(&["--without-fence", "--graceful", "0", "--killed", "0"]);
    assert!(!is_right && text.contains("wrote in term 0, the lease was at"), "{text}");
}
