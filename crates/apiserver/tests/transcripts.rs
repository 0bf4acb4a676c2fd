//! Conversations recorded with a real API server, replayed: `tests/transcripts/README.md` says how.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod transcripts_support;

use transcripts_support::{load, play};

#[tokio::test(start_paused = true)]
async fn answers_are_those_that_a_real_server_gave() {
    let (scenarios, adaptations, missing) = load();
    let (mut passed, mut wrong) = (0, Vec::new());
    for scenario in &scenarios {
        match (play(scenario, &adaptations).await, missing.get(&scenario.name)) {
            (Ok(()), None) => passed += 1,
            (Ok(()), Some(_)) => {
                wrong.push(format!("{}: passes now: take it off _missing.json", scenario.name));
            }
            (Err(_), Some(_)) => {}
            (Err(differences), None) => wrong.push(format!("{}: {differences}", scenario.name)),
        }
    }
    for name in missing.keys() {
        assert!(scenarios.iter().any(|scenario| scenario.name == *name), "no scenario is called {name}");
    }
    println!("{passed} of {} transcripts pass, {} are known to be missing", scenarios.len(), missing.len());
    assert!(wrong.is_empty(), "{passed} passed, these did not:\n  {}", wrong.join("\n  "));
}
