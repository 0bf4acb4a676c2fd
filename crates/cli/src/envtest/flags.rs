//! Flags as Go programs take them: `--name=value`, `--name value`, `--switch`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;

/// Flags by name, each with its last value.
#[derive(Debug, Default)]
pub(super) struct Flags(BTreeMap<String, String>);

impl Flags {
    pub(super) fn parse(arguments: &[OsString]) -> Self {
        let mut words = arguments.iter().map(|argument| argument.to_string_lossy()).peekable();
        let mut found = BTreeMap::new();
        while let Some(word) = words.next() {
            let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else { continue };
            if let Some((name, value)) = flag.split_once('=') {
                found.insert(name.to_owned(), value.to_owned());
            } else {
                let value = words.next_if(|next| !next.starts_with('-'));
                found.insert(flag.to_owned(), value.map_or_else(|| "true".to_owned(), Cow::into_owned));
            }
        }
        Self(found)
    }

    /// The value of a flag; `None` where it is not given or empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_their_value_behind_a_sign_or_a_space() {
        let words = ["--a=1", "--b", "2", "--switch", "--c=x=y", "stray", "--a=3", "--none="];
        let flags = Flags::parse(&words.map(OsString::from));
        let values = ["a", "b", "switch", "c", "none", "missing"].map(|name| flags.get(name));
        assert_eq!(values, [Some("3"), Some("2"), Some("true"), Some("x=y"), None, None]);
    }
}
