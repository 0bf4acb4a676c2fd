//! A simple reading of a container's command: how long it runs and how it ends.
//!
//! Enough for what people type by hand (`sleep 5`, `sh -c 'sleep 2; exit 3'`, `false`), not a shell. A command that
//! it does not know makes the reading incomplete, and the pod's defaults decide.

use std::time::Duration;

/// How long something runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunLength {
    For(Duration),
    Endless,
}

/// What a command does, as far as it was understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// How long it runs; `None` for ever.
    pub(crate) run: Option<Duration>,
    pub(crate) exit_code: i32,
    /// Whether every part was understood.
    pub(crate) is_complete: bool,
}

/// Reads the command and arguments of a container.
pub(crate) fn read(words: &[String]) -> Reading {
    let mut shell = Shell::default();
    let name = words.first().map_or("", |word| word.rsplit('/').next().unwrap_or(word));
    let script = words.iter().position(|word| word.starts_with('-') && word.ends_with('c'));
    match script.and_then(|flag| words.get(flag + 1)) {
        Some(script) if matches!(name, "sh" | "bash" | "ash" | "dash" | "zsh") => shell.run_script(script),
        _ => shell.run(&words.iter().map(String::as_str).collect::<Vec<_>>()),
    }
    Reading {
        run: (!shell.is_endless).then_some(shell.elapsed),
        exit_code: shell.last,
        is_complete: !shell.is_puzzled,
    }
}

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a shell, each set on its own")]
struct Shell {
    elapsed: Duration,
    last: i32,
    has_exited: bool,
    is_endless: bool,
    is_puzzled: bool,
    stops_on_error: bool,
}

impl Shell {
    fn run_script(&mut self, script: &str) {
        let mut rest = script;
        let mut join = ";";
        while !rest.trim().is_empty() && !self.has_exited && !self.is_endless {
            let found = ["&&", "||", ";", "\n"].into_iter().filter_map(|mark| Some((rest.find(mark)?, mark)));
            let (end, next) = found.min().unwrap_or((rest.len(), ";"));
            let words: Vec<&str> = rest[..end].split_whitespace().collect();
            let is_skipped = (join == "&&" && self.last != 0) || (join == "||" && self.last == 0);
            if !words.is_empty() && !is_skipped {
                self.run(&words);
                self.has_exited |= self.stops_on_error && self.last != 0 && !matches!(next, "&&" | "||");
            }
            rest = rest.get(end + next.len()..).unwrap_or_default();
            join = next;
        }
    }

    fn run(&mut self, words: &[&str]) {
        let name = words.first().map_or("", |word| word.rsplit('/').next().unwrap_or(word));
        let argument = words.get(1).map(|word| word.trim_matches(['"', '\'']));
        self.last = 0;
        match name {
            "sleep" => match argument.and_then(length) {
                Some(RunLength::For(length)) => self.elapsed = self.elapsed.saturating_add(length),
                Some(RunLength::Endless) => self.is_endless = true,
                None => self.last = 1,
            },
            "exit" => {
                self.last = argument.and_then(|code| code.parse::<i32>().ok()).unwrap_or(0) & 0xFF;
                self.has_exited = true;
            }
            "false" => self.last = 1,
            "set" => {
                self.stops_on_error |= words.iter().any(|word| word.starts_with('-') && word.contains('e'));
            }
            "true" | ":" | "echo" | "printf" | "date" | "hostname" | "env" | "cd" | "export" | "uname" => {}
            "while" if matches!(argument, Some("true" | ":" | "1")) => self.is_endless = true,
            "tail" if words.contains(&"-f") => self.is_endless = true,
            _ => self.is_puzzled = true,
        }
    }
}

/// A length as `sleep` takes it.
fn length(text: &str) -> Option<RunLength> {
    if matches!(text, "infinity" | "inf") {
        return Some(RunLength::Endless);
    }
    let digits = text.trim_end_matches(['s', 'm', 'h', 'd']);
    let unit = match &text[digits.len()..] {
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    let seconds = digits.parse::<f64>().ok()? * unit;
    Duration::try_from_secs_f64(seconds).ok().map(RunLength::For)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(words: &[&str]) -> (Option<f64>, i32, bool) {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let reading = read(&words);
        (reading.run.map(|run| run.as_secs_f64()), reading.exit_code, reading.is_complete)
    }

    #[test]
    fn commands_that_people_type_are_understood() {
        assert_eq!(reading(&["sleep", "10"]), (Some(10.0), 0, true));
        assert_eq!(reading(&["/bin/sleep", "1.5m"]), (Some(90.0), 0, true));
        assert_eq!(reading(&["sleep", "infinity"]), (None, 0, true));
        assert_eq!(reading(&["false"]), (Some(0.0), 1, true));
        assert_eq!(reading(&["sh", "-c", "exit 3"]), (Some(0.0), 3, true));
        assert_eq!(reading(&["/bin/sh", "-ec", "echo hi; sleep 5 && exit 2"]), (Some(5.0), 2, true));
        assert_eq!(reading(&["sh", "-c", "false || sleep 3"]), (Some(3.0), 0, true));
        assert_eq!(reading(&["sh", "-c", "false && sleep 3"]), (Some(0.0), 1, true));
        assert_eq!(reading(&["sh", "-c", "set -e; sleep 1; false; sleep 9"]), (Some(1.0), 1, true));
        assert_eq!(reading(&["bash", "-c", "while true; do sleep 1; done"]), (None, 0, true));
        assert_eq!(reading(&["sh", "-c", "exit 259"]), (Some(0.0), 3, true), "codes have eight bits");
    }

    #[test]
    fn a_command_that_is_not_known_leaves_the_reading_incomplete() {
        assert!(!reading(&["python", "train.py"]).2);
        assert_eq!(reading(&["sh", "-c", "sleep 2; python train.py"]), (Some(2.0), 0, false));
        assert_eq!(reading(&["sh", "-c", "python train.py; exit 4"]), (Some(0.0), 4, false));
        assert!(!reading(&[]).2, "nothing is known of an image's own command");
    }
}
