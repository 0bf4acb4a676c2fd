//! What names, labels and their like may look like: RFC 1123, RFC 1035 and qualified names.
//!
//! The texts are those of `k8s.io/apimachinery/pkg/util/validation`.

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
     and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', \
     and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', \
     start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', \
     regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const NAME_PART: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with \
     an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
     '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', \
     and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used \
     for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

fn too_long(maximum: usize) -> String {
    format!("must be no more than {maximum} characters")
}

fn is_lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().all(|byte| is_lower(*byte) || *byte == b'-')
        && bytes.first().is_some_and(|byte| is_lower(*byte))
        && bytes.last().is_some_and(|byte| is_lower(*byte))
}

fn is_name_part(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
}

fn check(text: &str, maximum: usize, valid: bool, message: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > maximum {
        wrong.push(too_long(maximum));
    }
    if !valid {
        wrong.push(message.to_owned());
    }
    wrong
}

/// What is wrong with `text` as an RFC 1123 subdomain; empty when nothing.
pub(crate) fn subdomain(text: &str) -> Vec<String> {
    check(text, 253, text.split('.').all(is_label), SUBDOMAIN)
}

/// What is wrong with `text` as an RFC 1123 label.
pub(crate) fn label(text: &str) -> Vec<String> {
    check(text, 63, is_label(text), LABEL)
}

/// What is wrong with `text` as an RFC 1035 label: it starts with a letter.
pub(crate) fn label_1035(text: &str) -> Vec<String> {
    let valid = is_label(text) && text.starts_with(|first: char| first.is_ascii_lowercase());
    check(text, 63, valid, LABEL_1035)
}

/// What is wrong with `text` as a label or annotation key: `[subdomain/]name`.
pub(crate) fn qualified_name(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut parts = text.split('/');
    let name = match (parts.next(), parts.next(), parts.next()) {
        (Some(name), None, _) => name,
        (Some(prefix), Some(name), None) => {
            if prefix.is_empty() {
                wrong.push("prefix part must be non-empty".into());
            } else {
                wrong.extend(subdomain(prefix).iter().map(|message| format!("prefix part {message}")));
            }
            name
        }
        _ => {
            return vec![format!(
                "a qualified {} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
                NAME_PART.replacen("name part", "name", 1)
            )];
        }
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".into());
    } else if name.len() > 63 {
        wrong.push(format!("name part {}", too_long(63)));
    }
    if !is_name_part(name) {
        wrong.push(NAME_PART.into());
    }
    wrong
}

/// What is wrong with `text` as a label value.
pub(crate) fn label_value(text: &str) -> Vec<String> {
    check(text, 63, text.is_empty() || is_name_part(text), LABEL_VALUE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_their_rfc() {
        assert!(
            subdomain("a.b-c.1").is_empty() && label("123-abc").is_empty() && label_1035("a1").is_empty()
        );
        for bad in ["", "A", "a_b", "-a", "a-", "a..b", ".a"] {
            assert!(!subdomain(bad).is_empty(), "{bad:?}");
        }
        assert!(!label("a.b").is_empty() && !label_1035("1a").is_empty());
        assert_eq!(label(&"a".repeat(64)), ["must be no more than 63 characters"]);
    }

    #[test]
    fn label_keys_may_have_one_prefix_and_values_may_be_empty() {
        assert!(
            qualified_name("app").is_empty() && qualified_name("batch.kubernetes.io/job-name").is_empty()
        );
        for bad in ["", "/a", "a/", "a/b/c", "UPPER.io/x", "-x"] {
            assert!(!qualified_name(bad).is_empty(), "{bad:?}");
        }
        assert!(label_value("").is_empty() && label_value("My_value.1").is_empty());
        assert!(!label_value("a b").is_empty() && !label_value("_").is_empty());
    }
}
