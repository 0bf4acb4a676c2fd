//! An object that came before there was a dictionary.

use parking_lot::RwLock;

use super::{Frame, FrameError};

/// An object that is packed again once there is a dictionary.
pub(in crate::cache::object) struct Late {
    packed: RwLock<Packed>,
}

pub(super) enum Packed {
    Plain(Box<[u8]>),
    Frame(Frame),
}

impl Late {
    pub(super) fn new(packed: Packed) -> Self {
        Self { packed: RwLock::new(packed) }
    }

    /// What was packed.
    pub(in crate::cache::object) fn unpack(&self) -> Result<Vec<u8>, FrameError> {
        match &*self.packed.read() {
            Packed::Plain(bytes) => Ok(bytes.to_vec()),
            Packed::Frame(frame) => frame.unpack(),
        }
    }

    /// Bytes held.
    pub(in crate::cache::object) fn size(&self) -> usize {
        match &*self.packed.read() {
            Packed::Plain(bytes) => bytes.len(),
            Packed::Frame(frame) => frame.size(),
        }
    }

    /// Takes the better form if it is one.
    pub(super) fn improve(&self, packed: Frame) {
        if packed.size() < self.size() {
            *self.packed.write() = Packed::Frame(packed);
        }
    }

    #[cfg(test)]
    pub(super) fn frame(&self) -> Option<Vec<u8>> {
        match &*self.packed.read() {
            Packed::Plain(_) => None,
            Packed::Frame(frame) => Some(frame.bytes.to_vec()),
        }
    }
}
