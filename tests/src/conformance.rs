//! The tally of behaviours: which ids the tests show, and which none shows yet.
//!
//! A test shows an id when its function name begins with it: `q2_readd_while_processing_...`,
//! `s7_s8_late_subscriber_...`. The ids and their wording are in `tests/data/behaviours.txt`. Tests of the API
//! server and of the patch engines use the ids of Kubernetes API rules in the same style, so they do not count.
//!
//! What the compiler refuses is shown by an example in the documentation that must not compile (`compile_fail` with the
//! code of the error): it shows the ids that the sentence before it cites as `(conformance S20)`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::sources;

/// Folders whose tests are about other lists of ids.
const OTHER_IDS: &[&str] = &[
    "crates/apiserver/",
    "crates/machinery/src/patch",
    "crates/machinery/src/protobuf",
    "crates/machinery/src/schema",
    "crates/machinery/src/selector",
];

/// One behaviour of the list.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// Its id, as `Q2`.
    pub id: String,
    /// Given, when, then.
    pub text: String,
    /// The family it is listed under.
    pub family: String,
}

/// Reads the list of behaviours.
///
/// # Errors
/// When the list cannot be read.
pub fn behaviours() -> std::io::Result<Vec<Behaviour>> {
    let (mut family, mut list) = (String::new(), Vec::new());
    for line in sources::read(Path::new("tests/data/behaviours.txt"))?.lines() {
        if let Some(title) = line.strip_prefix("== ") {
            title.clone_into(&mut family);
        } else if let Some((id, text)) = line.split_once('\t') {
            list.push(Behaviour { id: id.into(), text: text.into(), family: family.clone() });
        }
    }
    Ok(list)
}

/// The ids that a test's name begins with, upper case.
#[must_use]
pub fn ids_of(test_name: &str) -> Vec<String> {
    let is_id = |part: &&str| {
        let (letter, digits) = part.split_at_checked(1).unwrap_or(("", ""));
        letter.bytes().all(|byte| byte.is_ascii_lowercase())
            && !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    test_name.split('_').take_while(is_id).map(str::to_ascii_uppercase).collect()
}

/// Every test function of the workspace that cites ids: id to `(file, test name)`, both sorted.
///
/// # Errors
/// When a source file cannot be read.
pub fn citations() -> std::io::Result<BTreeMap<String, Vec<(String, String)>>> {
    let mut found: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for file in sources::files_with(&["rs"])? {
        let path = file.to_string_lossy().replace('\\', "/");
        if OTHER_IDS.iter().any(|folder| path.starts_with(folder)) {
            continue;
        }
        let source = sources::read(&file)?;
        for name in test_names(&source) {
            for id in ids_of(&name) {
                found.entry(id).or_default().push((path.clone(), name.clone()));
            }
        }
        for (id, error) in refused_examples(&source) {
            let name = format!("{error} in the documentation of {}", module_of(&path));
            found.entry(id).or_default().push((path.clone(), name));
        }
    }
    Ok(found)
}

/// The names of functions marked as tests (`#[test]`, `#[tokio::test]`, or inside `proptest!`) that are not ignored.
fn test_names(source: &str) -> Vec<String> {
    let (mut names, mut marked, mut ignored) = (Vec::new(), false, false);
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            marked = true;
        } else if line.starts_with("#[ignore") {
            ignored = true;
        } else if let Some(name) = function_name(line) {
            if marked && !ignored {
                names.push(name.to_owned());
            }
            (marked, ignored) = (false, false);
        }
    }
    names
}

/// The ids that examples show which must not compile, each with the error that the compiler must give.
fn refused_examples(source: &str) -> Vec<(String, String)> {
    let (mut found, mut paragraph, mut in_code) = (Vec::new(), String::new(), false);
    for line in source.lines().map(str::trim) {
        let Some(text) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).map(str::trim) else {
            (paragraph, in_code) = (String::new(), false);
            continue;
        };
        if let Some(fence) = text.strip_prefix("```") {
            in_code = !in_code;
            // Without the code of the error, any slip would make the example fail.
            if let Some(error) = fence.strip_prefix("compile_fail,E").filter(|_| in_code) {
                found.extend(cited_in(&paragraph).map(|id| (id, format!("E{error}"))));
            }
        } else if !in_code && !text.is_empty() {
            // A blank line ends a paragraph unless the example follows it.
            let is_next = paragraph.ends_with(':') || paragraph.ends_with('.');
            paragraph = if is_next { text.to_owned() } else { format!("{paragraph} {text}") };
        }
    }
    found
}

/// The ids in `(conformance S16)`.
fn cited_in(paragraph: &str) -> impl Iterator<Item = String> {
    let cited = paragraph.split("(conformance ").skip(1).filter_map(|rest| rest.split(')').next());
    cited
        .flat_map(|ids| ids.split([' ', ',']))
        .filter(|id| !ids_of(&id.to_ascii_lowercase()).is_empty())
        .map(str::to_owned)
}

/// `cache::object::cached` for `crates/runtime/src/cache/object/cached.rs`.
fn module_of(path: &str) -> String {
    let path = path.split_once("/src/").map_or(path, |(_, module)| module);
    path.trim_end_matches(".rs").replace('/', "::")
}

/// The name in a line that begins a function.
fn function_name(line: &str) -> Option<&str> {
    let rest = ["fn ", "async fn "].iter().find_map(|start| line.strip_prefix(start))?;
    Some(rest.split(['(', '<']).next().unwrap_or_default())
}

/// The page `docs/conformance.md`: shown and missing ids by family, with the tests that show them.
///
/// # Errors
/// When the list or a source file cannot be read.
pub fn page() -> std::io::Result<String> {
    let (behaviours, citations) = (behaviours()?, citations()?);
    let shown = behaviours.iter().filter(|behaviour| citations.contains_key(&behaviour.id)).count();
    let mut page = String::from(
        "# Conformance\n\nGenerated from the names of the tests; do not edit. \
         Renew it with `cargo run -p pilothouse-tests --bin conformance`.\n\n\
         A behaviour is shown when a test whose name begins with its id passes, and would fail if the behaviour \
         were taken away. One test may show a part only: read it before you rely on it. What the compiler refuses is \
         shown by an example that must not compile, named by the error.\n\n",
    );
    let _ = writeln!(page, "**{shown} of {} behaviours are shown.**\n", behaviours.len());
    page.push_str("| family | shown | missing |\n|---|---|---|\n");
    let mut families: Vec<&str> = behaviours.iter().map(|behaviour| behaviour.family.as_str()).collect();
    families.dedup();
    for family in &families {
        let ids = |wanted: bool| {
            let of_family = behaviours.iter().filter(|behaviour| behaviour.family == *family);
            let ids = of_family.filter(|behaviour| citations.contains_key(&behaviour.id) == wanted);
            ids.map(|behaviour| behaviour.id.as_str()).collect::<Vec<_>>().join(" ")
        };
        let _ = writeln!(page, "| {family} | {} | {} |", ids(true), ids(false));
    }
    for family in &families {
        let _ = writeln!(page, "\n## {family}\n\n| id | behaviour | shown by |\n|---|---|---|");
        for behaviour in behaviours.iter().filter(|behaviour| behaviour.family == *family) {
            let tests = citations.get(&behaviour.id).map_or_else(
                || "-".to_owned(),
                |tests| tests.iter().map(|(_, name)| format!("`{name}`")).collect::<Vec<_>>().join("<br>"),
            );
            let _ = writeln!(page, "| {} | {} | {tests} |", behaviour.id, behaviour.text.replace('|', "\\|"));
        }
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_from_the_start_of_a_name_only() {
        assert_eq!(ids_of("q2_readd_while_processing"), ["Q2"]);
        assert_eq!(ids_of("s7_s8_late_subscriber_sees_v1"), ["S7", "S8"]);
        assert!(ids_of("sha256_of_documents").is_empty());
        assert!(ids_of("a_v1_object").is_empty());
    }

    #[test]
    fn only_functions_marked_as_tests_and_not_ignored_count() {
        let source = "#[test]\nfn q1_one() {}\nfn q2_helper() {}\n#[tokio::test]\n#[ignore = \"slow\"]\nasync fn q3_x() {}";
        assert_eq!(test_names(source), ["q1_one"]);
    }

    #[test]
    fn examples_that_must_not_compile_show_what_the_sentence_before_them_cites() {
        let example = |sentence: &str, fence: &str| {
            format!(
                "/// Of S9 (conformance S8).\n///\n/// {sentence}\n///\n/// ```{fence}\n/// code(S7)\n/// ```\nfn f() {{}}\n"
            )
        };
        let shown = |sentence, fence| refused_examples(&example(sentence, fence));
        let told = |id: &str| (id.to_owned(), "E0594".to_owned());
        assert_eq!(shown("It cannot be changed (conformance S20):", "compile_fail,E0594"), [told("S20")]);
        assert_eq!(
            shown("It cannot\n/// be (conformance S16, S20):", "compile_fail,E0594"),
            [told("S16"), told("S20")]
        );
        assert!(
            shown("It cannot be changed (conformance S20):", "compile_fail").is_empty(),
            "any slip would do"
        );
        assert!(
            shown("It can (conformance S20):", "").is_empty()
                && shown("It cannot:", "compile_fail,E0594").is_empty()
        );
    }
}
