//! Splits a command line into words as a POSIX shell quotes them, and does nothing else a shell does: no variables,
//! no globs, no pipes. What the person typed reaches the container word for word.

use thiserror::Error;

/// Why a command line has no words.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum UnfinishedQuote {
    /// A `'` without its partner.
    #[error("a single quote is not closed")]
    Single,
    /// A `"` without its partner.
    #[error("a double quote is not closed")]
    Double,
    /// A backslash at the very end.
    #[error("the last character is a backslash")]
    Backslash,
}

/// The words of `line`. Blanks and line ends separate words; quotes and backslashes work as in `sh`.
pub(crate) fn split(line: &str) -> Result<Vec<String>, UnfinishedQuote> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' => single(&mut characters, word.get_or_insert_default())?,
            '"' => double(&mut characters, word.get_or_insert_default())?,
            '\\' => match characters.next() {
                // A backslash before a line end continues the line.
                Some('\n') => {}
                Some(next) => word.get_or_insert_default().push(next),
                None => return Err(UnfinishedQuote::Backslash),
            },
            blank if blank.is_ascii_whitespace() => words.extend(word.take()),
            plain => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word);
    Ok(words)
}

fn single(characters: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), UnfinishedQuote> {
    for character in characters.by_ref() {
        if character == '\'' {
            return Ok(());
        }
        word.push(character);
    }
    Err(UnfinishedQuote::Single)
}

fn double(characters: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), UnfinishedQuote> {
    while let Some(character) = characters.next() {
        match character {
            '"' => return Ok(()),
            '\\' => match characters.next() {
                Some('\n') => {}
                Some(next @ ('"' | '\\' | '$' | '`')) => word.push(next),
                Some(next) => word.extend(['\\', next]),
                None => return Err(UnfinishedQuote::Double),
            },
            plain => word.push(plain),
        }
    }
    Err(UnfinishedQuote::Double)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_split_as_a_shell_would() {
        let words = split("sh -c 'echo \"hi there\"; exit 3' \"a\\\"b\\n\" c\\ d '' x''y").unwrap();
        assert_eq!(words, ["sh", "-c", "echo \"hi there\"; exit 3", "a\"b\\n", "c d", "", "xy"]);
        assert_eq!(split("one\\\n two").unwrap(), ["one", "two"]);
        assert!(split("   \n\t").unwrap().is_empty());
    }

    #[test]
    fn an_open_quote_is_refused() {
        assert_eq!(split("echo 'hi"), Err(UnfinishedQuote::Single));
        assert_eq!(split("echo \"hi\\\""), Err(UnfinishedQuote::Double));
        assert_eq!(split("echo \\"), Err(UnfinishedQuote::Backslash));
    }

    proptest! {
        #[test]
        fn any_words_survive_single_quoting(words in proptest::collection::vec(".{0,12}", 0..6)) {
            let quoted: Vec<String> =
                words.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
            prop_assert_eq!(split(&quoted.join(" ")).unwrap(), words);
        }
    }
}
