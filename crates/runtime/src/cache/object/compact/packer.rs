//! Packing, and when to train.

use std::fmt;
use std::sync::{Arc, Weak};

use zstd::compress_bound;
use zstd::zstd_safe::CCtx;

use super::Frame;
use super::dictionary::{Dictionary, LEVEL};
use super::late::{Late, Packed};
use crate::cache::object::Encoding;
use crate::cache::object::IntakeMetrics;
use crate::cache::object::body::Body;

/// How many objects come before the first training. Fewer than that do not need a dictionary: they are small anyway.
pub(super) const EARLY: usize = 2048;
/// How many of them are trained on.
const SAMPLES: usize = 256;
/// Over how many objects it is judged whether the dictionary still fits.
pub(super) const WINDOW: u64 = 2048;
/// How much worse than at training (in per mille) later objects may compress before a new dictionary is tried.
const DRIFT: u64 = 1300;
/// How much of what the old one needs (in per mille) a new dictionary may need, to be worth having.
const WORTH: u64 = 900;

/// Packs the objects of one informer.
pub(in crate::cache::object) struct Packer {
    context: Option<CCtx<'static>>,
    scratch: Vec<u8>,
    dictionary: Option<Arc<Dictionary>>,
    /// The objects before the first training.
    early: Vec<Weak<Late>>,
    /// Per mille of its size that an object took at training.
    expected: u64,
    /// What has been packed since it was last judged: objects, bytes before and after.
    window: (u64, u64, u64),
    /// Objects to train the next dictionary on, while they are gathered.
    samples: Option<Vec<Vec<u8>>>,
    metrics: IntakeMetrics,
}

impl Packer {
    pub(in crate::cache::object) fn new(metrics: IntakeMetrics) -> Self {
        Self {
            context: CCtx::try_create(),
            scratch: Vec::new(),
            dictionary: None,
            early: Vec::new(),
            expected: 0,
            window: (0, 0, 0),
            samples: None,
            metrics,
        }
    }

    /// The object in its smallest form.
    pub(in crate::cache::object) fn pack(&mut self, encoding: Encoding, bytes: Vec<u8>) -> Body {
        let Some(dictionary) = self.dictionary.clone() else {
            return self.pack_early(encoding, bytes);
        };
        let frame = self.compress(&bytes, Some(&dictionary));
        self.observe(&bytes, frame.as_ref());
        match frame {
            Some(frame) if frame.size() < bytes.len() => Body::Compact(encoding, frame),
            _ => Body::Plain(encoding, bytes.into_boxed_slice()),
        }
    }

    fn pack_early(&mut self, encoding: Encoding, bytes: Vec<u8>) -> Body {
        let packed = match self.compress(&bytes, None) {
            Some(frame) if frame.size() < bytes.len() => Packed::Frame(frame),
            _ => Packed::Plain(bytes.into_boxed_slice()),
        };
        let late = Arc::new(Late::new(packed, self.metrics.repacked.clone()));
        self.early.push(Arc::downgrade(&late));
        if self.early.len() == EARLY {
            self.train_first();
        }
        Body::Late(encoding, late)
    }

    fn compress(&mut self, bytes: &[u8], dictionary: Option<&Arc<Dictionary>>) -> Option<Frame> {
        let context = self.context.as_mut()?;
        self.scratch.clear();
        self.scratch.reserve(compress_bound(bytes.len()));
        let outcome = match dictionary {
            Some(dictionary) => {
                context.compress_using_cdict(&mut self.scratch, bytes, dictionary.encoder.as_cdict())
            }
            None => context.compress(&mut self.scratch, bytes, LEVEL),
        };
        outcome.ok()?;
        Some(Frame { bytes: self.scratch.as_slice().into(), dictionary: dictionary.cloned() })
    }

    /// Trains on a part of the early objects, spread evenly, and packs all of them again.
    pub(super) fn train_first(&mut self) {
        let early: Vec<Arc<Late>> =
            std::mem::take(&mut self.early).iter().filter_map(Weak::upgrade).collect();
        let step = (early.len() / SAMPLES).max(1);
        let samples: Vec<Vec<u8>> =
            early.iter().step_by(step).filter_map(|late| late.unpack().ok()).collect();
        let Some(dictionary) = self.train(&samples) else { return };
        for late in early {
            let Ok(bytes) = late.unpack() else { continue };
            if let Some(frame) = self.compress(&bytes, Some(&dictionary)) {
                late.improve(frame);
            }
        }
        self.expected = self.ratio(&samples, Some(&dictionary));
        self.dictionary = Some(dictionary);
    }

    fn train(&mut self, samples: &[Vec<u8>]) -> Option<Arc<Dictionary>> {
        match Dictionary::train(samples) {
            Ok(dictionary) => {
                self.metrics.dictionaries.inc();
                Some(Arc::new(dictionary))
            }
            Err(error) => {
                tracing::debug!(%error, "no dictionary can be learnt from these objects");
                None
            }
        }
    }

    /// Watches how well objects compress, and gathers some when it is time to train.
    fn observe(&mut self, bytes: &[u8], frame: Option<&Frame>) {
        let (objects, before, after) = &mut self.window;
        *objects += 1;
        *before += bytes.len() as u64;
        *after += frame.map_or(bytes.len(), Frame::size) as u64;
        let (objects, ratio) = (*objects, *after * 1000 / (*before).max(1));
        if let Some(samples) = &mut self.samples {
            if objects.is_multiple_of(WINDOW / SAMPLES as u64) {
                samples.push(bytes.to_vec());
            }
            if samples.len() >= SAMPLES {
                self.train_again();
                self.window = (0, 0, 0);
            }
        } else if objects >= WINDOW {
            if ratio * 1000 > self.expected * DRIFT {
                self.samples = Some(Vec::with_capacity(SAMPLES));
            }
            self.window = (0, 0, 0);
        }
    }

    /// Trains on newer objects and keeps the result if it is clearly better for them.
    fn train_again(&mut self) {
        let Some(samples) = self.samples.take() else { return };
        let present = self.dictionary.clone();
        let old = self.ratio(&samples, present.as_ref());
        // Whatever comes of it, more of the same is no drift.
        self.expected = old;
        let Some(dictionary) = self.train(&samples) else { return };
        let new = self.ratio(&samples, Some(&dictionary));
        if new * 1000 <= old * WORTH {
            self.expected = new;
            self.dictionary = Some(dictionary);
        }
    }

    /// Per mille of their size that the samples take.
    fn ratio(&mut self, samples: &[Vec<u8>], dictionary: Option<&Arc<Dictionary>>) -> u64 {
        let before: usize = samples.iter().map(Vec::len).sum();
        let after: usize = samples
            .iter()
            .map(|sample| self.compress(sample, dictionary).map_or(sample.len(), |f| f.size()))
            .sum();
        (after * 1000 / before.max(1)) as u64
    }
}

impl fmt::Debug for Packer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Packer").field("dictionary", &self.dictionary).finish_non_exhaustive()
    }
}
