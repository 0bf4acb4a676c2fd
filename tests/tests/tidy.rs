//! The rules of style that a compiler does not check. Each exception is listed here with its reason.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use pilothouse_tests::sources;

const MAX_FILE_LINES: usize = 500;
const MAX_TEST_FILE_LINES: usize = 900;
const MAX_FUNCTION_LINES: usize = 70;
const MAX_WIDTH: usize = 120;

/// Files that may be longer than [`MAX_FILE_LINES`], and why.
const LONG_FILES: &[(&str, &str)] = &[];

/// Functions that may be longer than [`MAX_FUNCTION_LINES`], and why.
const LONG_FUNCTIONS: &[(&str, &str, &str)] = &[];

fn rust_files() -> Vec<(String, String)> {
    let files = sources::files_with(&["rs"]).unwrap();
    files.iter().map(|path| (path.to_string_lossy().into_owned(), sources::read(path).unwrap())).collect()
}

fn is_test_file(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("tests.rs")
}

fn report(what: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{what}:\n  {}", findings.join("\n  "));
}

/// The lines of all Rust files for which `wrong` says so (given the line and the one after it), as `file:line: text`.
fn lines_where(wrong: impl Fn(&str, &str, Option<&str>) -> bool) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in rust_files() {
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            if wrong(&path, line, lines.get(number + 1).copied()) {
                findings.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    findings
}

#[test]
fn files_hold_one_concept_and_stay_short() {
    let mut findings = Vec::new();
    for (path, text) in rust_files() {
        let limit = if is_test_file(&path) { MAX_TEST_FILE_LINES } else { MAX_FILE_LINES };
        let lines = text.lines().count();
        if lines > limit && !LONG_FILES.iter().any(|(excepted, _)| *excepted == path) {
            findings.push(format!("{path}: {lines} lines, limit {limit}"));
        }
    }
    report("files too long", &findings);
}

#[test]
fn files_begin_with_what_they_are_for() {
    let files = rust_files();
    let bare: Vec<_> =
        files.iter().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path.clone()).collect();
    report("files without a header", &bare);
}

/// The functions of a file: name, first line and number of lines, by indentation (rustfmt makes that exact).
fn functions(text: &str) -> Vec<(String, usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line.trim_start()) else { continue };
        let indent = line.len() - line.trim_start().len();
        let closing = format!("{}}}", " ".repeat(indent));
        let opens = lines[start..]
            .iter()
            .position(|line| line.ends_with('{') || line.ends_with(';') || line.ends_with('}'));
        let has_body = opens.is_some_and(|offset| lines[start + offset].ends_with('{'));
        let end = lines.iter().skip(start + 1).position(|line| **line == closing);
        if let (Some(end), true) = (end, has_body) {
            found.push((name.to_owned(), start + 1, end + 2));
        }
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let mut rest = line;
    for prefix in ["pub(crate) ", "pub(super) ", "pub ", "const ", "async "] {
        rest = rest.strip_prefix(prefix).unwrap_or(rest);
    }
    rest.strip_prefix("fn ")?.split(['(', '<']).next()
}

#[test]
fn functions_fit_on_a_screen() {
    let mut findings = Vec::new();
    for (path, text) in rust_files() {
        for (name, line, length) in functions(&text) {
            let excepted =
                LONG_FUNCTIONS.iter().any(|(file, function, _)| *file == path && *function == name);
            if length > MAX_FUNCTION_LINES && !excepted {
                findings.push(format!("{path}:{line} {name}: {length} lines, limit {MAX_FUNCTION_LINES}"));
            }
        }
    }
    report("functions too long", &findings);
}

#[test]
fn exceptions_are_still_needed() {
    let files = rust_files();
    let is_needed = |path: &str, long: &dyn Fn(&str) -> bool| {
        files.iter().any(|(found, text)| found == path && long(text))
    };
    let mut stale: Vec<String> = Vec::new();
    for (path, _) in LONG_FILES {
        if !is_needed(path, &|text| text.lines().count() > MAX_FILE_LINES) {
            stale.push((*path).to_owned());
        }
    }
    for (path, name, _) in LONG_FUNCTIONS {
        let long =
            |text: &str| functions(text).iter().any(|found| found.0 == *name && found.2 > MAX_FUNCTION_LINES);
        if !is_needed(path, &long) {
            stale.push(format!("{path} {name}"));
        }
    }
    report("exceptions that nothing needs", &stale);
}

#[test]
fn roots_of_modules_hold_docs_modules_and_exports_only() {
    let items = ["fn ", "struct ", "enum ", "trait ", "impl ", "impl<", "async fn ", "const ", "static "];
    let findings = lines_where(|path, line, _| {
        let root = path.ends_with("/lib.rs") || path.ends_with("/mod.rs");
        let item = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(crate) ")).unwrap_or(line);
        root && !is_test_file(path) && items.iter().any(|start| item.starts_with(start))
    });
    report("items in lib.rs or mod.rs", &findings);
}

#[test]
fn select_is_always_biased() {
    let opening = ["select", "! {"].concat();
    let findings = lines_where(|_, line, next| {
        let code = line.split("//").next().unwrap_or_default();
        code.contains(&opening) && next.is_none_or(|next| next.trim() != "biased;")
    });
    report("`select!` that is not `biased`", &findings);
}

#[test]
fn nothing_names_a_machine_or_leaves_work_undone() {
    // Spelled in halves, so that this file does not find itself.
    let words = [["/ro", "ot/"], ["/ho", "me/"], ["/wo", "rk/"], ["TO", "DO"], ["FIX", "ME"], ["to", "do!("]]
        .map(|halves| halves.concat());
    let mut findings = Vec::new();
    for path in sources::files_with(&["rs", "md", "toml", "sh", "yaml", "py", "css", "js", "txt"]).unwrap() {
        let text = sources::read(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word.as_str())) {
                findings.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    report("machine paths or work marked as undone", &findings);
}

#[test]
fn lines_fit_the_width() {
    let findings = lines_where(|path, line, _| {
        line.chars().count() > MAX_WIDTH && !line.contains('"') && !is_test_file(path)
    });
    report("lines too wide", &findings);
}

#[test]
fn ignored_tests_say_why() {
    report("ignored tests without a reason", &lines_where(|_, line, _| line.trim() == "#[ignore]"));
}

#[test]
fn the_documents_that_a_stranger_reads_first_exist() {
    for name in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "deny.toml"] {
        assert!(
            sources::read(Path::new(name)).is_ok_and(|text| text.len() > 200),
            "{name} is missing or empty"
        );
    }
}
