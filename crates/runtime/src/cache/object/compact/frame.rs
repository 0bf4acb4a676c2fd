//! One compressed object.

use std::sync::Arc;

use parking_lot::Mutex;
use zstd::zstd_safe::{DCtx, get_error_name, get_frame_content_size};

use super::dictionary::Dictionary;

/// Unpacking needs 100 kB and more of scratch space. What one reader is done with, the next one takes.
static CONTEXTS: Mutex<Vec<DCtx<'static>>> = Mutex::new(Vec::new());
/// As many are kept for later.
const CONTEXTS_KEPT: usize = 16;

/// A compressed object and the dictionary that it was compressed with.
pub(in crate::cache::object) struct Frame {
    pub(super) bytes: Box<[u8]>,
    pub(super) dictionary: Option<Arc<Dictionary>>,
}

/// A frame cannot be unpacked.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot decompress it: {0}")]
pub(in crate::cache::object) struct FrameError(&'static str);

impl Frame {
    pub(in crate::cache::object) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// What was packed.
    pub(in crate::cache::object) fn unpack(&self) -> Result<Vec<u8>, FrameError> {
        let size = get_frame_content_size(&self.bytes).ok().flatten();
        let size = size.and_then(|size| usize::try_from(size).ok()).ok_or(FrameError("it has no size"))?;
        let mut bytes = Vec::new();
        // A frame is never trusted: what it says of its size may be absurd.
        bytes.try_reserve_exact(size).map_err(|_| FrameError("out of memory"))?;
        let idle = CONTEXTS.lock().pop();
        let mut context = idle.or_else(DCtx::try_create).ok_or(FrameError("out of memory"))?;
        let outcome = match &self.dictionary {
            Some(dictionary) => {
                context.decompress_using_ddict(&mut bytes, &self.bytes, dictionary.decoder.as_ddict())
            }
            None => context.decompress(&mut bytes, &self.bytes),
        };
        let mut contexts = CONTEXTS.lock();
        if contexts.len() < CONTEXTS_KEPT {
            contexts.push(context);
        }
        drop(contexts);
        outcome.map_err(|code| FrameError(get_error_name(code)))?;
        Ok(bytes)
    }
}
