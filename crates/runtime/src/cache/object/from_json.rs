//! Reading values from JSON text that was found valid when it came in.

use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use simd_json::Buffers;

use crate::unreadable::Unreadable;

/// What one reader is done with, the next one takes. Until then it holds the text of the object that was read last.
static IDLE: Mutex<Vec<Scratch>> = Mutex::new(Vec::new());
/// As many are kept for later.
const IDLE_KEPT: usize = 16;
/// In bytes of JSON text: what was used for a larger one is not kept.
const LARGEST_KEPT: usize = 64 << 10;

#[derive(Default)]
struct Scratch {
    text: Vec<u8>,
    buffers: Buffers,
}

/// Reads with vector instructions, which halves the time and leaves no spare room in lists. Whatever that way does
/// not take, the plain reader judges: it has the last word on what fits a type, and says why not.
pub(super) fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, Unreadable> {
    let idle = IDLE.lock().pop();
    let mut scratch = idle.unwrap_or_default();
    scratch.text.clear();
    scratch.text.extend_from_slice(json);
    let outcome = simd_json::serde::from_slice_with_buffers(&mut scratch.text, &mut scratch.buffers);
    if json.len() <= LARGEST_KEPT {
        let mut idle = IDLE.lock();
        if idle.len() < IDLE_KEPT {
            idle.push(scratch);
        }
    }
    match outcome {
        Ok(value) => Ok(value),
        Err(_) => Ok(serde_json::from_slice(json)?),
    }
}
