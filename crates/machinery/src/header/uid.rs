//! Uids, held small: nearly all are UUIDs.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// The uid of an object, or none.
///
/// A canonical UUID (lower case, hyphens) is held in place as its 16 bytes; any other text is shared. Orders as the
/// texts do. Prints as the server wrote it.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Uid(Repr);

#[derive(Clone, PartialEq, Eq, Hash, Default)]
enum Repr {
    #[default]
    Empty,
    Uuid([u8; 16]),
    /// Neither empty nor a canonical UUID, so that equal texts have one form.
    Text(Arc<str>),
}

/// Length of the text of a UUID.
const LENGTH: usize = 36;
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

impl Uid {
    /// From the server's text, whatever it is.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(match uuid(text) {
            Some(bytes) => Repr::Uuid(bytes),
            None if text.is_empty() => Repr::Empty,
            None => Repr::Text(text.into()),
        })
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self.0, Repr::Empty)
    }

    /// Hands the text to `read`, without allocating.
    fn with_text<T>(&self, read: impl FnOnce(&[u8]) -> T) -> T {
        match &self.0 {
            Repr::Empty => read(b""),
            Repr::Uuid(bytes) => read(&text_of(bytes)),
            Repr::Text(text) => read(text.as_bytes()),
        }
    }
}

fn uuid(text: &str) -> Option<[u8; 16]> {
    let text: &[u8; LENGTH] = text.as_bytes().try_into().ok()?;
    if HYPHENS.iter().any(|at| text[*at] != b'-') {
        return None;
    }
    let (mut bytes, mut seen, mut at) = ([0; 16], 0, 0);
    for byte in &mut bytes {
        at += usize::from(HYPHENS.contains(&at));
        let (high, low) = (DIGIT_VALUES[usize::from(text[at])], DIGIT_VALUES[usize::from(text[at + 1])]);
        seen |= high | low;
        *byte = high << 4 | low;
        at += 2;
    }
    (seen < 16).then_some(bytes)
}

/// The value of each byte that is a digit; others have bits that no digit has.
const DIGIT_VALUES: [u8; 256] = {
    let mut values = [0xff; 256];
    let mut value = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value as usize] as usize] = value;
        value += 1;
    }
    values
};

fn text_of(bytes: &[u8; 16]) -> [u8; LENGTH] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; LENGTH];
    let mut at = 0;
    for byte in bytes {
        at += usize::from(HYPHENS.contains(&at));
        text[at] = DIGITS[usize::from(byte >> 4)];
        text[at + 1] = DIGITS[usize::from(byte & 15)];
        at += 2;
    }
    text
}

impl Ord for Uid {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            // Equal bytes up to a digit, and digits order as their values do.
            (Repr::Uuid(one), Repr::Uuid(two)) => one.cmp(two),
            _ => self.with_text(|one| other.with_text(|two| one.cmp(two))),
        }
    }
}

impl PartialOrd for Uid {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq<str> for Uid {
    fn eq(&self, other: &str) -> bool {
        self.with_text(|text| text == other.as_bytes())
    }
}

impl PartialEq<&str> for Uid {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

impl From<&str> for Uid {
    fn from(text: &str) -> Self {
        Self::parse(text)
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Empty => Ok(()),
            Repr::Uuid(bytes) => formatter.pad(std::str::from_utf8(&text_of(bytes)).unwrap_or_default()),
            Repr::Text(text) => formatter.pad(text),
        }
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Uid({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CANONICAL: &str = "0001f0a4-a11c-4c3e-9d2b-00009e3779b9";

    #[test]
    fn a_canonical_uuid_takes_no_allocation_and_any_other_text_stays_as_it_is() {
        assert!(matches!(Uid::parse(CANONICAL).0, Repr::Uuid(_)));
        let upper = CANONICAL.to_uppercase();
        let moved = CANONICAL.replace("-a11c", "a-11c");
        for text in
            [CANONICAL, "", "u-1", &upper, &moved, &CANONICAL[1..], "0001f0a4-a11c-4c3e-9d2b-00009e3779bg"]
        {
            let uid = Uid::parse(text);
            assert_eq!(uid.to_string(), text);
            assert!(uid == *text && uid == text && uid != "other");
            assert_eq!(uid.is_empty(), text.is_empty());
        }
        assert_ne!(Uid::parse(CANONICAL), Uid::parse(&upper));
        assert_eq!(std::mem::size_of::<Uid>(), 24);
    }

    proptest! {
        #[test]
        fn uids_order_and_equal_as_their_texts(
            one in "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f-]{0,3}",
            two in "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f-]{0,3}",
        ) {
            prop_assert_eq!(Uid::parse(&one).cmp(&Uid::parse(&two)), one.cmp(&two));
            prop_assert_eq!(Uid::parse(&one) == Uid::parse(&two), one == two);
            prop_assert_eq!(Uid::parse(&one).to_string(), one);
        }
    }
}
