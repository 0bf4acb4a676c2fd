//! Hashes of texts, for tables that look things up and never rely on the hash alone.

use std::hash::{BuildHasherDefault, Hasher};

/// A table by hash. Its order is that of insertion.
pub(super) type ByHash<V> = indexmap::IndexMap<u64, V, BuildHasherDefault<AlreadyHashed>>;

/// Takes a hash as it is.
#[derive(Debug, Default)]
pub(super) struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash(self.0, bytes);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Hash of `bytes`, going on from the hash of what came before. Fast and even, not safe against who wants two texts
/// to collide: whoever uses it compares what it found.
pub(super) fn hash(before: u64, bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = before.rotate_left(32) ^ ODD ^ bytes.len() as u64;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = mix(state ^ u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(state ^ u64::from_le_bytes(last))
}

fn mix(word: u64) -> u64 {
    const ODD: u64 = 0xd6e8_feb8_6659_fd93;
    let product = u128::from(word) * u128::from(ODD);
    #[expect(clippy::cast_possible_truncation, reason = "both halves are wanted")]
    let (low, high) = (product as u64, (product >> 64) as u64);
    low ^ high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_differ_little_hash_apart() {
        let texts = (0..10_000).map(|number| format!("service-{number:05}-production"));
        let mut hashes: Vec<u64> = texts.map(|text| hash(0, text.as_bytes())).collect();
        hashes.extend([hash(0, b""), hash(0, b"\0"), hash(0, b"\0\0"), hash(1, b"")]);
        let (count, low_bits) = (hashes.len(), |hash: &u64| hash & 0xffff);
        let mut low: Vec<u64> = hashes.iter().map(low_bits).collect();
        hashes.sort_unstable();
        hashes.dedup();
        low.sort_unstable();
        low.dedup();
        assert_eq!(hashes.len(), count);
        assert!(low.len() > 9000, "{} of 65536 buckets hold 10000 texts", low.len());
    }
}
