//! What label keys and values may look like.

use super::SelectorError;

const NAME_RULE: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end \
     with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
     '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

const VALUE_RULE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
     '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex \
     used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

const PREFIX_RULE: &str = "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
     characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used \
     for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// Whether `text` may be the key of a label: an optional DNS prefix with a slash, and a name of up to 63 characters.
pub fn check_label_key(text: &str) -> Result<(), SelectorError> {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) if !name.contains('/') => (Some(prefix), name),
        Some(_) => return invalid(&format!("a qualified name must have at most one '/': {NAME_RULE}")),
        None => (None, text),
    };
    match prefix {
        Some("") => return invalid("prefix part must be non-empty"),
        Some(prefix) if prefix.len() > 253 => {
            return invalid("prefix part must be no more than 253 characters");
        }
        Some(prefix) if !is_subdomain(prefix) => return invalid(PREFIX_RULE),
        _ => {}
    }
    if name.is_empty() {
        return invalid("name part must be non-empty");
    }
    if name.len() > 63 {
        return invalid("name part must be no more than 63 characters");
    }
    if is_name(name) { Ok(()) } else { invalid(NAME_RULE) }
}

/// Whether `text` may be the value of a label: empty, or a name of up to 63 characters.
pub fn check_label_value(text: &str) -> Result<(), SelectorError> {
    if text.len() > 63 {
        return invalid("must be no more than 63 characters");
    }
    if text.is_empty() || is_name(text) { Ok(()) } else { invalid(VALUE_RULE) }
}

fn invalid(message: &str) -> Result<(), SelectorError> {
    Err(SelectorError(message.into()))
}

fn is_name(text: &str) -> bool {
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    ends(bytes.first()) && ends(bytes.last()) && bytes.iter().all(inner)
}

fn is_subdomain(text: &str) -> bool {
    let lower = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let label = |part: &str| {
        let bytes = part.as_bytes();
        bytes.first().is_some_and(lower)
            && bytes.last().is_some_and(lower)
            && bytes.iter().all(|byte| lower(byte) || *byte == b'-')
    };
    text.split('.').all(label)
}
