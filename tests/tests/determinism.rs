//! One seed, one trace: API server, controllers and jobs under one paused, single-threaded runtime without sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::Command;

/// The requests that the API server of a run saw, in a process of its own.
fn trace(seed: u64) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_trace")).arg(seed.to_string()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn the_same_seed_gives_the_same_request_trace_in_two_processes() {
    let (one, two) = (trace(7), trace(7));
    let difference = one.iter().zip(&two).enumerate().find(|(_, (one, two))| one != two);
    assert!(difference.is_none(), "the traces part at line {difference:?}");
    assert_eq!(one.len(), two.len());
    assert!(one.len() > 500, "the cluster should have been at work: {} requests", one.len());
    assert!(one.iter().any(|line| line.contains("/status")), "status was written");
}

#[test]
fn another_seed_gives_another_trace() {
    assert_ne!(trace(7), trace(8));
}
