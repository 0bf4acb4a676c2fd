//! What names objects may have.

use crate::kind::NameRule;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or \
     '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
     start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
     alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
     validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

/// What is wrong with a name; empty when nothing is.
pub(crate) fn check_name(rule: NameRule, name: &str) -> Vec<String> {
    let (most, fits, words) = match rule {
        NameRule::Subdomain => (253, name.split('.').all(is_label), SUBDOMAIN),
        NameRule::Label => (63, is_label(name), LABEL),
        NameRule::Label1035 => {
            (63, is_label(name) && name.starts_with(|letter: char| letter.is_ascii_lowercase()), LABEL_1035)
        }
        NameRule::PathSegment => return check_path_segment(name),
    };
    let mut problems = Vec::new();
    if name.len() > most {
        problems.push(format!("must be no more than {most} characters"));
    }
    if !fits {
        problems.push(words.to_owned());
    }
    problems
}

fn check_path_segment(name: &str) -> Vec<String> {
    if matches!(name, "." | "..") {
        return vec![format!("may not be '{name}'")];
    }
    let found = ["/", "%"].into_iter().filter(|letter| name.contains(letter));
    found.map(|letter| format!("may not contain '{letter}'")).collect()
}

fn is_label(text: &str) -> bool {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
        && bytes.iter().all(|byte| alphanumeric(byte) || *byte == b'-')
}

/// Letters and digits of generated names: no vowels, and nothing that looks like something else.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A name made of `base`, cut to 58 characters, and five random characters.
pub(super) fn generate_name(base: &str, environment: &pilothouse_machinery::Environment) -> String {
    let mut name: String = base.chars().take(58).collect();
    for _ in 0..5 {
        name.push(char::from(ALPHABET[environment.random_index(ALPHABET.len())]));
    }
    name
}
