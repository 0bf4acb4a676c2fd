//! The documentation of the cache reads like a contract: each stateful public item says what applies to it, and each
//! guarantee has an id that is written down.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

use pilothouse_tests::{conformance, sources};

const CACHE: &str = "crates/runtime/src/cache/";
const FLOW: &str = "Flow";
const GUARANTEES: &str = "Guarantees";
const ASSUMPTIONS: &str = "Assumptions";
const CANCELLATION: &str = "Cancellation";
const ERRORS: &str = "Errors";
const PANICS: &str = "Panics";
const ALL: &[&str] = &[FLOW, GUARANTEES, ASSUMPTIONS, CANCELLATION, ERRORS, PANICS];

/// The public items that have or change a state, or run a user's code beside one: the file, the item (the module itself
/// without a name), and the sections that apply to it.
const ITEMS: &[(&str, &str, &[&str])] = &[
    ("mod.rs", "", ALL),
    ("informers.rs", "Informers", ALL),
    ("informer/handle.rs", "Informer", ALL),
    ("object/intake.rs", "Intake", ALL),
    ("store/shared.rs", "Store", ALL),
    ("subscription/coalescing.rs", "Subscription", &[FLOW, GUARANTEES, CANCELLATION, ERRORS, PANICS]),
    ("subscription/lossless.rs", "LosslessSubscription", &[FLOW, GUARANTEES, CANCELLATION, ERRORS, PANICS]),
    ("handler/registration.rs", "Registration", &[FLOW, GUARANTEES, CANCELLATION, ERRORS, PANICS]),
    ("object/cached.rs", "CachedObject", &[FLOW, GUARANTEES, CANCELLATION, ERRORS, PANICS]),
    ("index/handle.rs", "Index", &[FLOW, GUARANTEES, ASSUMPTIONS, ERRORS, PANICS]),
    ("lister.rs", "Lister", &[FLOW, GUARANTEES, CANCELLATION, ERRORS]),
    ("own_writes.rs", "OwnWrites", &[FLOW, GUARANTEES, ASSUMPTIONS, CANCELLATION]),
    ("query.rs", "Query", &[FLOW, GUARANTEES, PANICS]),
    ("transform.rs", "Transform", &[GUARANTEES, ASSUMPTIONS, PANICS]),
    ("handler/callback.rs", "Handler", &[GUARANTEES, CANCELLATION]),
    ("snapshot.rs", "Snapshot", &[GUARANTEES, CANCELLATION]),
    ("subscription/synced.rs", "Synced", &[GUARANTEES, CANCELLATION]),
];

/// Public types of the cache that are values: options, what is told, errors, numbers. What they mean is said where they
/// are given or taken.
const VALUES: &[&str] = &[
    "Change",
    "ChangeKind",
    "DecodeError",
    "Encoding",
    "Gap",
    "HandleError",
    "HandlerOptions",
    "HandlerPanic",
    "IndexError",
    "IndexView",
    "InformerError",
    "InformerFailure",
    "InformerOptions",
    "InformerTrouble",
    "IntakeMetrics",
    "Lag",
    "LosslessEvent",
    "LosslessOptions",
    "NotSynced",
    "OnPanic",
    "Projection",
    "ReadError",
    "Readable",
    "Rejected",
    "Residence",
    "Selection",
    "SubscriptionOptions",
    "TypeDecoder",
    "WhenFull",
    "WireFormat",
];

fn text_of(file: &str) -> String {
    sources::read(Path::new(&format!("{CACHE}{file}"))).unwrap()
}

/// The documentation of an item, or of the module when the item has no name, as lines without their marks.
fn documentation(file: &str, item: &str) -> Vec<String> {
    let text = text_of(file);
    let (mut lines, mark) = (Vec::new(), if item.is_empty() { "//!" } else { "///" });
    for line in text.lines() {
        let declares = ["pub struct ", "pub trait "].iter().find_map(|start| line.strip_prefix(start));
        if let Some(line) = line.strip_prefix(mark) {
            lines.push(line.strip_prefix(' ').unwrap_or(line).to_owned());
        } else if declares.is_some_and(|rest| rest.split(|c: char| !c.is_alphanumeric()).next() == Some(item))
        {
            return lines;
        } else if !item.is_empty() && !line.starts_with("#[") {
            lines.clear();
        }
    }
    assert!(item.is_empty(), "{file} has no {item}: move it in the list");
    lines
}

/// The lines of one section, to the start of the next.
fn section<'a>(lines: &'a [String], title: &str) -> Option<Vec<&'a str>> {
    let opening = format!("**{title}.**");
    let start = lines.iter().position(|line| line.starts_with(&opening))?;
    let is_opening = |line: &str| ALL.iter().any(|title| line.starts_with(&format!("**{title}.**")));
    let rest = lines[start + 1..].iter().map(String::as_str).take_while(|line| !is_opening(line));
    Some(std::iter::once(lines[start].as_str()).chain(rest).collect())
}

/// The entries of the list in a section, each with the lines that continue it.
fn entries(section: &[&str]) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for line in section {
        if let Some(entry) = line.strip_prefix("- ") {
            entries.push(entry.to_owned());
        } else if let (Some(last), Some(more)) = (entries.last_mut(), line.strip_prefix("  ")) {
            last.push(' ');
            last.push_str(more);
        }
    }
    entries
}

/// The ids that a text cites: `C-I4`, `B-I1`, `S20`.
fn ids(text: &str) -> BTreeSet<String> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_letter = |text: &str| text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    let is_id = |word: &&str| {
        let invariant =
            word.split_once("-I").is_some_and(|(area, number)| is_letter(area) && is_number(number));
        let behaviour =
            word.split_at_checked(1).is_some_and(|(area, number)| is_letter(area) && is_number(number));
        invariant || behaviour
    };
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).filter(is_id).map(str::to_owned).collect()
}

/// The ids that are written down: invariants in the table of `ARCHITECTURE.md`, behaviours in the list of the tests.
fn known_ids() -> BTreeSet<String> {
    let architecture = sources::read(Path::new("ARCHITECTURE.md")).unwrap();
    let rows = architecture.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let invariants = rows.filter(|id| id.contains("-I")).map(str::to_owned);
    invariants.chain(conformance::behaviours().unwrap().into_iter().map(|known| known.id)).collect()
}

#[test]
fn each_stateful_item_of_the_cache_has_the_sections_that_apply() {
    let mut missing = Vec::new();
    for (file, item, wanted) in ITEMS {
        let lines = documentation(file, item);
        for title in *wanted {
            if section(&lines, title).is_none() {
                missing.push(format!("{file} {item}: {title}"));
            }
        }
    }
    assert!(missing.is_empty(), "sections that are missing:\n  {}", missing.join("\n  "));
}

#[test]
fn each_guarantee_of_the_cache_begins_with_an_id_that_is_written_down() {
    let (known, mut wrong) = (known_ids(), Vec::new());
    for (file, item, _) in ITEMS {
        let lines = documentation(file, item);
        let entries = entries(&section(&lines, GUARANTEES).unwrap_or_default());
        if entries.is_empty() {
            wrong.push(format!("{file} {item}: no list of guarantees"));
        }
        for entry in entries {
            let heads = entry.rfind("** ").map_or("", |end| &entry[..end]);
            let heads = if entry.starts_with("**") { ids(heads) } else { BTreeSet::new() };
            if heads.is_empty() || !heads.is_subset(&known) {
                wrong.push(format!("{file} {item}: {entry}"));
            }
        }
    }
    assert!(wrong.is_empty(), "guarantees without an id that is written down:\n  {}", wrong.join("\n  "));
}

#[test]
fn each_id_in_the_documentation_of_the_cache_is_written_down() {
    let (known, mut unknown) = (known_ids(), Vec::new());
    for path in sources::files_with(&["rs"]).unwrap().iter().filter(|path| path.starts_with(CACHE)) {
        for (number, line) in sources::read(path).unwrap().lines().enumerate() {
            let line = line.trim_start();
            let is_documentation = line.starts_with("///") || line.starts_with("//!");
            // The line that opens an example names errors of the compiler.
            if !is_documentation || line.contains("```") {
                continue;
            }
            for id in ids(line).difference(&known) {
                unknown.push(format!("{}:{}: {id}", path.display(), number + 1));
            }
        }
    }
    assert!(unknown.is_empty(), "ids that nothing explains:\n  {}", unknown.join("\n  "));
}

#[test]
fn each_public_type_of_the_cache_is_stateful_or_a_value() {
    let root = text_of("mod.rs");
    let exports = root.split("pub use ").skip(1).filter_map(|rest| rest.split_once("::")?.1.split_once(';'));
    let words = exports.flat_map(|(names, _)| names.split(|c: char| !c.is_alphanumeric()));
    let exported: BTreeSet<_> = words.filter(|word| word.starts_with(|c: char| c.is_uppercase())).collect();
    let stateful = ITEMS.iter().map(|(_, item, _)| *item).filter(|item| !item.is_empty());
    let listed: BTreeSet<_> = stateful.chain(VALUES.iter().copied()).collect();
    assert!(exported.len() > 40, "the exports were not found: {exported:?}");
    assert_eq!(exported, listed, "exported by the cache, and listed here");
}
