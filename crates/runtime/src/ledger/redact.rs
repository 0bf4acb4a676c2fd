//! What must not be kept: tokens, passwords and keys in messages (conformance Z3).

/// Words after which, with `=` or `:`, a secret follows.
const NAMES: [&str; 9] =
    ["password", "passwd", "secret", "token", "apikey", "api_key", "api-key", "authorization", "credential"];
/// Schemes of the `Authorization` header.
const SCHEMES: [&str; 3] = ["bearer ", "basic ", "negotiate "];
const REPLACEMENT: &str = "[redacted]";

/// A message without what looks like a secret: values of fields whose name ends in password, token and the like,
/// credentials of an `Authorization` header or of a URL, JSON web tokens, PEM blocks. It errs on the side of replacing.
pub(crate) fn redacted(message: &str) -> String {
    let lower = message.to_ascii_lowercase();
    let mut kept = String::with_capacity(message.len());
    let mut at = 0;
    while at < message.len() {
        if let Some((start, end)) = secret_at(&lower, message, at) {
            kept.push_str(&message[at..start]);
            kept.push_str(REPLACEMENT);
            at = end;
        } else {
            let next = message[at..].chars().next().map_or(1, char::len_utf8);
            kept.push_str(&message[at..at + next]);
            at += next;
        }
    }
    kept
}

/// Where the secret begins and ends that something at this place announces.
fn secret_at(lower: &str, message: &str, at: usize) -> Option<(usize, usize)> {
    let rest = &lower[at..];
    if rest.starts_with("-----begin") {
        let end = rest.rfind("-----").filter(|end| *end > 0).map_or(rest.len(), |end| end + "-----".len());
        return Some((at, at + end));
    }
    if message[at..].starts_with("eyJ") && starts_word(message, at) {
        let length = word(&message[at..], "");
        return (message[at..at + length].matches('.').count() >= 2).then_some((at, at + length));
    }
    if let Some(rest) = rest.strip_prefix("://") {
        let authority = &rest[..rest.find(['/', ' ', '"', '\'', '?']).unwrap_or(rest.len())];
        let end = authority.rfind('@').filter(|end| *end > 0)?;
        return Some((at + 3, at + 3 + end));
    }
    if let Some(scheme) = SCHEMES.iter().find(|scheme| rest.starts_with(**scheme)) {
        let start = at + scheme.len();
        let length = word(&message[start..], "");
        return (starts_word(message, at) && length >= 8).then_some((start, start + length));
    }
    let name = NAMES.iter().find(|name| rest.starts_with(**name))?;
    let mut start = at + name.len();
    let skip = |start: usize, set: &[char]| {
        let left = &lower[start..];
        start + (left.len() - left.trim_start_matches(set).len())
    };
    start = skip(start, &['"', '\'', '\\', ' ']);
    if !lower[start..].starts_with(['=', ':']) {
        return None;
    }
    start = skip(start + 1, &['"', '\'', '\\', ' ']);
    if let Some(scheme) = SCHEMES.iter().find(|scheme| lower[start..].starts_with(**scheme)) {
        start += scheme.len();
    }
    let length = word(&message[start..], "&");
    (length > 0).then_some((start, start + length))
}

/// Whether no letter or digit stands before this place.
fn starts_word(message: &str, at: usize) -> bool {
    !message[..at].ends_with(|before: char| before.is_ascii_alphanumeric())
}

/// How long the word is that a text begins with.
fn word(text: &str, more_ends: &str) -> usize {
    let ends = |found: char| {
        found.is_whitespace()
            || matches!(found, '"' | '\'' | ',' | ';' | ')' | '}' | '\\')
            || more_ends.contains(found)
    };
    text.find(ends).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn z3_what_looks_like_a_secret_is_replaced() {
        let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";
        for (message, expected) in [
            (
                "header Authorization: Bearer abcdef123456 refused",
                "header Authorization: Bearer [redacted] refused",
            ),
            ("sent bearer abcdef123456", "sent bearer [redacted]"),
            (&*format!("token {token} expired"), "token [redacted] expired"),
            ("password=hunter2&user=me", "password=[redacted]&user=me"),
            (r#"{"dbPassword": "hunter2", "a": 1}"#, r#"{"dbPassword": "[redacted]", "a": 1}"#),
            ("access_token:abc, next", "access_token:[redacted], next"),
            ("GET https://user:pass@host/path failed", "GET https://[redacted]@host/path failed"),
            ("postgres://me:p@ss@db:5432/x", "postgres://[redacted]@db:5432/x"),
            ("key -----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY----- bad", "key [redacted] bad"),
        ] {
            assert_eq!(redacted(message), expected);
        }
    }

    #[test]
    fn z3_what_is_no_secret_stays() {
        for message in [
            "cannot reconcile: Conflict: the object has been modified",
            "GET https://10.0.0.1:443/api/v1/secrets/tokens?limit=5: secrets \"db-password\" not found",
            "the basic plan: übergröße € is fine, eyJust saying",
        ] {
            assert_eq!(redacted(message), message);
        }
    }
}
