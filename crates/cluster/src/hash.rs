//! A stable hash, for what should look random and be the same again.

/// FNV-1a with a final mix, so that neighbouring inputs share no pattern.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let folded = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (folded ^ (folded >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ (mixed >> 33)
}

/// The letters of generated names: no vowels and nothing that is easily misread.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// `count` letters that follow from `number`; at most 13 of them differ by it.
pub(crate) fn letters(number: u64, count: usize) -> String {
    let mut rest = number;
    let letter = |_| {
        let letter = ALPHABET[usize::try_from(rest % 27).unwrap_or(0)];
        rest /= 27;
        char::from(letter)
    };
    (0..count).map(letter).collect()
}
