//! What names, labels and their like inside objects may look like: all that is wrong with a text, empty when nothing.

use pilothouse_machinery::selector::{SelectorError, check_label_key, check_label_value};

use crate::kind::NameRule;
use crate::verbs::check_name;

/// As an RFC 1123 subdomain.
pub(crate) fn subdomain(text: &str) -> Vec<String> {
    check_name(NameRule::Subdomain, text)
}

/// As an RFC 1123 label.
pub(crate) fn label(text: &str) -> Vec<String> {
    check_name(NameRule::Label, text)
}

/// As an RFC 1035 label: it starts with a letter.
pub(crate) fn label_1035(text: &str) -> Vec<String> {
    check_name(NameRule::Label1035, text)
}

/// As the key of a label.
pub(crate) fn label_key(text: &str) -> Vec<String> {
    wrong(check_label_key(text))
}

/// As the value of a label.
pub(crate) fn label_value(text: &str) -> Vec<String> {
    wrong(check_label_value(text))
}

fn wrong(checked: Result<(), SelectorError>) -> Vec<String> {
    checked.err().map(|error| error.to_string()).into_iter().collect()
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
        assert!(label_key("app").is_empty() && label_key("batch.kubernetes.io/job-name").is_empty());
        for bad in ["", "/a", "a/", "a/b/c", "UPPER.io/x", "-x"] {
            assert!(!label_key(bad).is_empty(), "{bad:?}");
        }
        assert!(label_value("").is_empty() && label_value("My_value.1").is_empty());
        assert!(!label_value("a b").is_empty() && !label_value("_").is_empty());
    }
}
