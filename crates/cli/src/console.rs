//! What people read on the terminal.

use std::fmt::Write as _;
use std::path::Path;

/// The facts that a server prints when it is ready, as aligned lines, then what to try next.
#[derive(Debug, Default)]
pub(crate) struct Welcome {
    title: String,
    facts: Vec<(&'static str, String)>,
    hints: Vec<String>,
}

impl Welcome {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// One fact: a short name and its value.
    pub(crate) fn fact(mut self, name: &'static str, value: impl std::fmt::Display) -> Self {
        self.facts.push((name, value.to_string()));
        self
    }

    /// A path as a fact.
    pub(crate) fn path(self, name: &'static str, path: &Path) -> Self {
        self.fact(name, path.display())
    }

    /// A command to try.
    pub(crate) fn hint(mut self, command: impl Into<String>) -> Self {
        self.hints.push(command.into());
        self
    }

    /// The text, ending in how to stop.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.title);
        let width = self.facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        for (name, value) in &self.facts {
            let _ = writeln!(text, "  {name:width$}  {value}");
        }
        if !self.hints.is_empty() {
            text.push_str("\nTry, in another terminal:\n\n");
            for hint in &self.hints {
                let _ = writeln!(text, "  {hint}");
            }
        }
        text.push_str("\nCtrl-C stops.\n");
        text
    }
}

/// A path as it goes into a shell command: quoted where the shell would split it.
pub(crate) fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:=".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_line_up_and_hints_follow() {
        let welcome =
            Welcome::new("Demo").fact("portal", "http://x").path("kubeconfig", Path::new("k")).hint("go");
        let expected = "Demo\n\n  portal      http://x\n  kubeconfig  k\n\nTry, in another terminal:\n\n  go\n\nCtrl-C stops.\n";
        assert_eq!(welcome.text(), expected);
    }

    #[test]
    fn paths_with_spaces_are_quoted_for_the_shell() {
        assert_eq!(shell_word(Path::new("demo-data/kubeconfig")), "demo-data/kubeconfig");
        assert_eq!(shell_word(Path::new("my data/it's")), r"'my data/it'\''s'");
    }
}
