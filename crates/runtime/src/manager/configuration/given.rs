//! What was given from outside.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::tree::leaves;
use super::{ConfigurationError, Problem};

/// Where a setting has its value from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The program itself, or the library's default.
    Code,
    /// A file, at this line; 0 is the file as a whole.
    File {
        /// The file, or the name that was given for its text.
        file: String,
        /// The line, from 1.
        line: u64,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code => formatter.write_str("code"),
            Self::File { file, line: 0 } => formatter.write_str(file),
            Self::File { file, line } => write!(formatter, "{file}:{line}"),
            Self::Environment { variable } => write!(formatter, "${variable}"),
        }
    }
}

/// What was said about one key.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// Settings from a file and from the environment, for [`Manager::configuration`](super::super::Manager::configuration).
///
/// ```
/// # use pilothouse::manager::{Configuration, ConfigurationError};
/// # fn load(variables: Vec<(String, String)>) -> Result<Configuration, ConfigurationError> {
/// Configuration::new().file("/etc/website-operator/config.yaml")?.environment("WEBSITE_OPERATOR", variables)
/// # }
/// ```
///
/// **Guarantees.** What a key means is decided when a manager takes it: nothing is dropped in silence. Of two files the
/// later wins, key by key; the environment wins over both, in whatever order they were given.
///
/// **Errors.** [`ConfigurationError`] says which file and line, or which variable, and what to write instead.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Configuration {
    /// By path, in parts.
    pub(super) files: BTreeMap<Vec<String>, Said>,
    /// By the rest of the variable's name, in parts.
    pub(super) variables: BTreeMap<Vec<String>, Said>,
}

impl Configuration {
    /// Says nothing: everything stays as the code has it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what a file says, in YAML. Read once, now.
    pub fn file(self, path: impl AsRef<Path>) -> Result<Self, ConfigurationError> {
        let path = path.as_ref();
        let failed = |source| ConfigurationError::Read { path: PathBuf::from(path), source };
        let text = std::fs::read_to_string(path).map_err(failed)?;
        self.yaml(&path.display().to_string(), &text)
    }

    /// Takes what a text says, in YAML; errors call it `name`.
    pub fn yaml(mut self, name: &str, text: &str) -> Result<Self, ConfigurationError> {
        let origin = |line| Origin::File { file: name.to_owned(), line };
        let found = leaves(text).map_err(|error| {
            let line = error.location().map_or(0, |location| location.line());
            ConfigurationError::Syntax { origin: origin(line), problem: error.to_string() }
        })?;
        let mut problems = Vec::new();
        for leaf in found {
            let origin = origin(leaf.line);
            match leaf.text {
                Some(text) if !leaf.path.is_empty() => {
                    self.files.insert(leaf.path, Said { text, origin });
                }
                _ => problems.push(Problem {
                    origin,
                    message: format!(
                        "{:?} must be keys and values, not a list or a text",
                        leaf.path.join(".")
                    ),
                }),
            }
        }
        if problems.is_empty() { Ok(self) } else { Err(ConfigurationError::Problems { problems }) }
    }

    /// Takes the variables whose names begin with `prefix` and two underscores; give it those of the process
    /// (`std::env::vars()`), or others. Between the parts of a key there are two underscores too:
    /// `WEBSITE_OPERATOR__METRICS__ADDRESS`. With one only, what Kubernetes puts into pods for a Service of the same
    /// name (`WEBSITE_OPERATOR_PORT`, for example) would be taken for settings.
    pub fn environment(
        mut self,
        prefix: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigurationError> {
        for (variable, text) in variables {
            let Some(rest) = variable.strip_prefix(prefix).and_then(|rest| rest.strip_prefix("__")) else {
                continue;
            };
            let path = rest.split("__").map(str::to_owned).collect();
            self.variables.insert(path, Said { text, origin: Origin::Environment { variable } });
        }
        Ok(self)
    }
}
