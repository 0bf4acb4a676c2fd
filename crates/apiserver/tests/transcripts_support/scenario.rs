//! Scenarios as the files hold them.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// One recorded conversation.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) compare: Compare,
    pub(crate) steps: Vec<Step>,
}

/// What is not compared, or not in order: path endings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Compare {
    pub(crate) ignore: Vec<String>,
    pub(crate) unordered: Vec<String>,
}

/// One request with its answer, one watch with its events, or waiting for something.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Step {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) request: Option<Value>,
    #[serde(default)]
    pub(crate) watch: Option<Value>,
    #[serde(default)]
    pub(crate) poll: Option<Value>,
    #[serde(default, rename = "as")]
    pub(crate) user: Option<String>,
    #[serde(default)]
    pub(crate) expect: Value,
    #[serde(default)]
    pub(crate) capture: Value,
    #[serde(default)]
    pub(crate) compare: Compare,
}

/// A known difference between the recorded server and the version that this one speaks.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Adaptation {
    pub(crate) scenario: String,
    /// The steps whose expectation changes.
    pub(crate) steps: Vec<String>,
    /// RFC 6902, applied to `expect`.
    pub(crate) patch: Value,
    /// What newer servers do.
    pub(crate) why: String,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}

/// Reads the files of the directory: all scenarios by name, and the two files that say something about them.
pub(crate) fn load() -> (Vec<Scenario>, Vec<Adaptation>, indexmap::IndexMap<String, String>) {
    let read = |name: &str| std::fs::read_to_string(directory().join(name)).unwrap();
    let mut names: Vec<_> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_some_and(|it| it == "json") && !name.starts_with('_'))
        .collect();
    names.sort();
    let scenarios = names.iter().map(|name| serde_json::from_str(&read(name)).expect(name)).collect();
    let adapted = serde_json::from_str(&read("_newer.json")).unwrap();
    let missing = serde_json::from_str(&read("_missing.json")).unwrap();
    (scenarios, adapted, missing)
}
