//! What the objects of a type have in common.

use std::fmt;
use std::io;

use zstd::dict::{DecoderDictionary, EncoderDictionary, from_samples};

/// Fast; higher levels gain a few percent.
pub(super) const LEVEL: i32 = 1;
/// In bytes. Larger ones gain next to nothing on objects of a few kilobytes.
const SIZE: usize = 32 << 10;

/// A trained dictionary, ready for use both ways.
pub(super) struct Dictionary {
    pub(super) encoder: EncoderDictionary<'static>,
    pub(super) decoder: DecoderDictionary<'static>,
}

impl Dictionary {
    /// Learns what the samples have in common. Takes about 0.1 s for 256 pods of 5 kB. Fails when there are too few
    /// samples, or they are too small or too different.
    pub(super) fn train(samples: &[Vec<u8>]) -> io::Result<Self> {
        let learnt = from_samples(samples, SIZE)?;
        Ok(Self {
            encoder: EncoderDictionary::try_copy(&learnt, LEVEL)?,
            decoder: DecoderDictionary::try_copy(&learnt)?,
        })
    }
}

impl fmt::Debug for Dictionary {
    /// Not what it has learnt: objects may hold secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Dictionary").finish_non_exhaustive()
    }
}
