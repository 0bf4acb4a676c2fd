//! The end of an object or array, found block by block.

use super::block::{Strings, block_at, masks};

/// Brackets and strings around the next byte of a container.
///
/// **Guarantees.** Only counts: whether an opening bracket is closed by one of its kind, and what is between, is for
/// validation. Text may come in chunks of any size.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Nesting {
    strings: Strings,
    depth: usize,
}

impl Nesting {
    /// Takes `bytes`, which go on where the last ones ended; where behind the closing bracket of the outermost
    /// container is. Without it, all were taken. The first byte ever taken is the opening bracket.
    pub(crate) fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            let left = bytes.len() - at;
            let found = masks(&block_at(bytes, at));
            let strings =
                if left < 64 { self.strings.next_part(&found, left) } else { self.strings.next(&found) };
            let (open, close) = (found.open & !strings.inside, found.close & !strings.inside);
            let (opened, closed) = (open.count_ones() as usize, close.count_ones() as usize);
            if self.depth > closed {
                self.depth = self.depth + opened - closed;
            } else if let Some(end) = self.walk(open, close) {
                return Some(at + end);
            }
            at += 64;
        }
        None
    }

    /// Takes the brackets of one block one by one.
    fn walk(&mut self, open: u64, close: u64) -> Option<usize> {
        let mut brackets = open | close;
        while brackets != 0 {
            let at = brackets.trailing_zeros();
            brackets &= brackets - 1;
            // By arithmetic: whether a bracket opens or closes, no processor guesses.
            self.depth = (self.depth + 2 * usize::from(open >> at & 1 == 1)).saturating_sub(1);
            if self.depth == 0 {
                return Some(at as usize + 1);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_found_in_chunks_of_every_size() {
        let deep = format!("{}{}", "[{\"a\":".repeat(100), "}]".repeat(100));
        for container in ["{}", r#"{"a":"}","b":[{"c":"\\\"]"}]}"#, &deep, "[[],[],{}]"] {
            let text = format!("{container},{{}}]");
            for size in 1..=130 {
                let (mut nesting, mut before) = (Nesting::default(), 0);
                let end = text.as_bytes().chunks(size).find_map(|chunk| {
                    let end = nesting.end(chunk).map(|end| before + end);
                    before += chunk.len();
                    end
                });
                assert_eq!(end, Some(container.len()), "chunks of {size}: {text}");
            }
            assert_eq!(Nesting::default().end(&container.as_bytes()[..container.len() - 1]), None);
        }
    }
}
