//! Numbers, literals and escapes in JSON text.

/// The most digits that are looked at here: no number of them is too large for any parser.
const MAX_DIGITS: usize = 40;

/// Whether `json` begins with a whole number or literal, and a byte that ends it. Numbers with an exponent or with many
/// digits are left to a parser, which knows what it can hold.
pub(super) fn is_scalar(json: &[u8]) -> bool {
    let end = match json.first() {
        Some(b't') => json.starts_with(b"true").then_some(4),
        Some(b'f') => json.starts_with(b"false").then_some(5),
        Some(b'n') => json.starts_with(b"null").then_some(4),
        _ => number_end(json),
    };
    end.and_then(|end| json.get(end)).is_some_and(|byte| matches!(byte, b',' | b'}' | b']'))
}

fn number_end(json: &[u8]) -> Option<usize> {
    let sign = usize::from(json.first() == Some(&b'-'));
    let whole = digits(&json[sign..])?;
    if whole > 1 && json[sign] == b'0' {
        return None;
    }
    let end = sign + whole;
    if json.get(end) != Some(&b'.') {
        return Some(end);
    }
    Some(end + 1 + digits(&json[end + 1..])?)
}

/// How many digits come first, if there are any and not too many.
fn digits(json: &[u8]) -> Option<usize> {
    let count = json.iter().take(MAX_DIGITS).take_while(|byte| byte.is_ascii_digit()).count();
    (1..MAX_DIGITS).contains(&count).then_some(count)
}

/// Whether `json`, which is behind a backslash, begins with what may be escaped. Halves of surrogate pairs are left to
/// a parser, which looks for the other half.
pub(super) fn is_escape(json: &[u8]) -> bool {
    let Some((kind, rest)) = json.split_first() else { return false };
    if *kind != b'u' {
        return matches!(kind, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't');
    }
    let Some(digits) = rest.first_chunk::<4>() else { return false };
    let is_surrogate = digits[0] | 0x20 == b'd' && !matches!(digits[1], b'0'..=b'7');
    digits.iter().all(u8::is_ascii_hexdigit) && !is_surrogate
}
