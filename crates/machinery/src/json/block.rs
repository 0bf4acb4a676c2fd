//! JSON text in blocks of 64 bytes, as bit masks.

use wide::u8x16;

/// The bytes of one block: bit `n` of a mask stands for byte `n`.
pub(crate) type Block = [u8; 64];

/// Which bytes of a block are what, whether in a string or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Masks {
    /// `"`
    pub(crate) quote: u64,
    /// `\`
    pub(crate) backslash: u64,
    /// `{` and `[`
    pub(crate) open: u64,
    /// `}` and `]`
    pub(crate) close: u64,
}

/// More of the same block, which only validation needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Details {
    /// `{`
    pub(crate) brace: u64,
    /// `:`
    pub(crate) colon: u64,
    /// `,`
    pub(crate) comma: u64,
    /// Whether any byte is below 0x20.
    pub(crate) control: bool,
}

/// The block of `bytes` at `at`, filled up with blanks behind their end.
#[inline]
pub(crate) fn block_at(bytes: &[u8], at: usize) -> Block {
    let rest = bytes.get(at..).unwrap_or_default();
    if let Some(block) = rest.first_chunk::<64>() {
        return *block;
    }
    let mut block = [b' '; 64];
    block[..rest.len()].copy_from_slice(rest);
    block
}

/// All bits below `end`.
#[inline]
pub(crate) fn bits_below(end: usize) -> u64 {
    if end >= 64 { u64::MAX } else { (1 << end) - 1 }
}

/// Where strings are, from block to block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Strings {
    /// Ones when the next block begins in a string.
    inside: u64,
    /// 1 when the first byte of the next block is escaped.
    escaped: u64,
}

/// The strings of one block.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StringMasks {
    /// From the opening quote of a string to before its closing one.
    pub(crate) inside: u64,
    /// The byte after each backslash that escapes.
    pub(crate) escaped: u64,
}

impl Strings {
    /// Takes the next block.
    #[inline]
    pub(crate) fn next(&mut self, masks: &Masks) -> StringMasks {
        let escaped = self.escapes(masks.backslash);
        let quotes = masks.quote & !escaped;
        let inside = prefix_xor(quotes) ^ self.inside;
        self.inside = 0_u64.wrapping_sub(inside >> 63);
        StringMasks { inside, escaped }
    }

    /// Takes the first `length` bytes of a block, less than 64 of them, which `masks` must not go beyond.
    #[inline]
    pub(crate) fn next_part(&mut self, masks: &Masks, length: usize) -> StringMasks {
        let found = self.next(masks);
        // Behind the end there is nothing, so the last bit stands for all after it; an escape there is still due.
        self.escaped = found.escaped >> length & 1;
        StringMasks { escaped: found.escaped & bits_below(length), ..found }
    }

    /// The bytes that are escaped: those after the first, third, ... backslash of a run.
    #[inline]
    fn escapes(&mut self, backslash: u64) -> u64 {
        const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;
        if backslash == 0 {
            return std::mem::take(&mut self.escaped);
        }
        let backslash = backslash & !self.escaped;
        let follows = backslash << 1 | self.escaped;
        // Adding to each run that starts at an odd bit carries through it: what changes beyond tells the run's parity.
        let starts = backslash & ODD & !follows;
        let (carried, overflow) = starts.overflowing_add(backslash);
        self.escaped = u64::from(overflow);
        (!ODD ^ (carried << 1)) & follows
    }
}

/// Each bit the parity of the bits up to and including it.
#[inline]
pub(crate) fn prefix_xor(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

#[inline]
fn lanes(block: &Block) -> [u8x16; 4] {
    let (sixteens, _) = block.as_chunks::<16>();
    std::array::from_fn(|lane| u8x16::new(sixteens[lane]))
}

#[inline]
fn mask(lanes: &[u8x16; 4], byte: u8) -> u64 {
    let bits = lanes.map(|lane| u64::from(lane.cmp_eq(u8x16::splat(byte)).move_mask().cast_unsigned()));
    bits[0] | bits[1] << 16 | bits[2] << 32 | bits[3] << 48
}

#[inline]
pub(crate) fn masks(block: &Block) -> Masks {
    let lanes = lanes(block);
    // Brackets and braces differ in one bit, which no other byte shares with them.
    let folded = lanes.map(|lane| lane | u8x16::splat(0x20));
    Masks {
        quote: mask(&lanes, b'"'),
        backslash: rare_mask(&lanes, b'\\'),
        open: mask(&folded, b'{'),
        close: mask(&folded, b'}'),
    }
}

/// The same as [`mask`], faster where hardly any block has the byte.
#[inline]
fn rare_mask(lanes: &[u8x16; 4], byte: u8) -> u64 {
    let found = lanes.map(|lane| lane.cmp_eq(u8x16::splat(byte)));
    if any_bit(found) { mask(lanes, byte) } else { 0 }
}

#[inline]
pub(crate) fn details(block: &Block) -> Details {
    let lanes = lanes(block);
    Details {
        brace: mask(&lanes, b'{'),
        colon: mask(&lanes, b':'),
        comma: mask(&lanes, b','),
        control: is_below_blank(lanes),
    }
}

/// Whether any byte is below 0x20: whether the least at any place of a lane is.
#[inline]
fn is_below_blank([one, two, three, four]: [u8x16; 4]) -> bool {
    let least = one.min(two).min(three.min(four));
    least.min(u8x16::splat(0x1f)).cmp_eq(least).move_mask() != 0
}

/// Whether any byte is above 0x7f.
#[inline]
pub(crate) fn is_beyond_ascii(block: &Block) -> bool {
    any_bit(lanes(block))
}

#[inline]
fn any_bit([one, two, three, four]: [u8x16; 4]) -> bool {
    ((one | two) | (three | four)).move_mask() != 0
}

/// The same byte by byte, to compare with.
#[cfg(test)]
mod plain {
    use super::{Block, Details, Masks};

    fn mask(block: &Block, test: impl Fn(u8) -> bool) -> u64 {
        block.iter().rev().fold(0, |bits, byte| bits << 1 | u64::from(test(*byte)))
    }

    pub(crate) fn masks(block: &Block) -> Masks {
        Masks {
            quote: mask(block, |byte| byte == b'"'),
            backslash: mask(block, |byte| byte == b'\\'),
            open: mask(block, |byte| byte | 0x20 == b'{'),
            close: mask(block, |byte| byte | 0x20 == b'}'),
        }
    }

    pub(crate) fn details(block: &Block) -> Details {
        Details {
            brace: mask(block, |byte| byte == b'{'),
            colon: mask(block, |byte| byte == b':'),
            comma: mask(block, |byte| byte == b','),
            control: block.iter().any(|byte| *byte < 0x20),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Strings found byte by byte.
    fn strings(text: &[u8]) -> Vec<(bool, bool)> {
        let (mut inside, mut escaped) = (false, false);
        let one = |byte: &u8| {
            let was_escaped = escaped;
            escaped = !was_escaped && *byte == b'\\';
            inside ^= *byte == b'"' && !was_escaped;
            (inside, was_escaped)
        };
        text.iter().map(one).collect()
    }

    fn assert_strings(text: &[u8], size: usize) {
        let (mut state, mut found) = (Strings::default(), Vec::new());
        for chunk in text.chunks(size) {
            for at in (0..chunk.len()).step_by(64) {
                let (block, length) = (block_at(chunk, at), chunk.len() - at);
                let masks = masks(&block);
                let next = if length < 64 { state.next_part(&masks, length) } else { state.next(&masks) };
                let bit = |bits: u64, at: usize| bits >> at & 1 == 1;
                found.extend((0..length.min(64)).map(|at| (bit(next.inside, at), bit(next.escaped, at))));
            }
        }
        assert_eq!(found, strings(text), "chunks of {size}: {}", String::from_utf8_lossy(text));
    }

    #[test]
    fn runs_of_backslashes_escape_whatever_their_length_and_place() {
        for run in 0..200 {
            for before in [0, 1, 2, 62, 63, 64] {
                let text = format!("{}\"{}\"x\"", " ".repeat(before), "\\".repeat(run));
                for size in [1, 2, 63, 64, 65, 4096] {
                    assert_strings(text.as_bytes(), size);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn both_forms_classify_every_byte_alike(bytes in proptest::collection::vec(any::<u8>(), 64)) {
            let block: &Block = bytes.as_slice().try_into().unwrap();
            prop_assert_eq!(masks(block), plain::masks(block));
            prop_assert_eq!(details(block), plain::details(block));
            prop_assert_eq!(is_beyond_ascii(block), !block.is_ascii());
            let plain: Vec<u8> = bytes.iter().map(|byte| byte & 0x7f | 0x20).collect();
            let block: &Block = plain.as_slice().try_into().unwrap();
            prop_assert_eq!(masks(block), plain::masks(block));
            prop_assert_eq!(details(block), plain::details(block));
            prop_assert_eq!(is_beyond_ascii(block), !block.is_ascii());
        }

        #[test]
        fn strings_are_found_at_every_chunk_size(text in r#"[\\"a{]{0,300}"#, size in 1_usize..130) {
            assert_strings(text.as_bytes(), size);
        }
    }
}
