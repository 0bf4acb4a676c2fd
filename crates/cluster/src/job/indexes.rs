//! The text form of a set of completion indexes: `1,3-5,7`.

use std::collections::BTreeSet;
use std::fmt::Write;

/// Reads the text form; pieces that are not indexes below `end` are left out.
pub(crate) fn parse(text: &str, end: i32) -> BTreeSet<i32> {
    let mut indexes = BTreeSet::new();
    for piece in text.split(',').filter(|piece| !piece.is_empty()) {
        let (first, last) = piece.split_once('-').unwrap_or((piece, piece));
        if let (Ok(first), Ok(last)) = (first.parse::<i32>(), last.parse::<i32>()) {
            indexes.extend(first.max(0)..=last.min(end - 1));
        }
    }
    indexes
}

/// Writes the text form: runs of three or more as ranges, shorter ones one by one.
pub(crate) fn format(indexes: &BTreeSet<i32>) -> String {
    let (mut text, mut rest) = (String::new(), indexes.iter().copied().peekable());
    while let Some(first) = rest.next() {
        let mut last = first;
        while let Some(next) = rest.next_if(|next| *next == last + 1) {
            last = next;
        }
        let separator = if text.is_empty() { "" } else { "," };
        let joint = if last == first + 1 { ',' } else { '-' };
        let written = if last == first {
            write!(text, "{separator}{first}")
        } else {
            write!(text, "{separator}{first}{joint}{last}")
        };
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_written_as_runs_and_read_back() {
        for (text, expected) in [
            ("", &[][..]),
            ("0", &[0]),
            ("1,3-5,7", &[1, 3, 4, 5, 7]),
            ("0,1", &[0, 1]),
            ("0-2,8,9", &[0, 1, 2, 8, 9]),
        ] {
            let indexes: BTreeSet<i32> = expected.iter().copied().collect();
            assert_eq!(format(&indexes), text);
            assert_eq!(parse(text, 100), indexes);
        }
        assert_eq!(parse("0-9", 3), BTreeSet::from([0, 1, 2]), "indexes past the end are left out");
        assert_eq!(parse("x,2-,5", 9), BTreeSet::from([5]));
    }
}
