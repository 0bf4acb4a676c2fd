//! The page `docs/conformance.md` says what the tests say.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

use pilothouse_tests::{conformance, sources};

#[test]
fn the_page_is_the_one_that_the_tests_give() {
    let written = sources::read(Path::new("docs/conformance.md")).unwrap();
    assert!(
        written == conformance::page().unwrap(),
        "docs/conformance.md is out of date: run `cargo run -p pilothouse-tests --bin conformance`"
    );
}

#[test]
fn every_id_that_a_test_cites_is_in_the_list() {
    let known: BTreeSet<_> = conformance::behaviours().unwrap().into_iter().map(|known| known.id).collect();
    let cited = conformance::citations().unwrap();
    let unknown: Vec<_> = cited.into_iter().filter(|(id, _)| !known.contains(id)).collect();
    assert!(unknown.is_empty(), "tests cite ids that tests/data/behaviours.txt does not have: {unknown:#?}");
}

#[test]
fn the_list_has_each_id_once() {
    let behaviours = conformance::behaviours().unwrap();
    let distinct: BTreeSet<_> = behaviours.iter().map(|behaviour| &behaviour.id).collect();
    assert_eq!(distinct.len(), behaviours.len());
    assert!(behaviours.len() > 150, "the list was cut: {}", behaviours.len());
}
