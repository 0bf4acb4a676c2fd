//! An object that came before there was a dictionary.

use parking_lot::RwLock;
use prometheus_client::metrics::gauge::Gauge;

use super::{Frame, FrameError};

/// An object that is packed again once there is a dictionary.
pub(in crate::cache::object) struct Late {
    packed: RwLock<Packed>,
    /// Its size when it came, and where it says how much smaller it is now.
    first_size: usize,
    repacked: Gauge,
}

pub(super) enum Packed {
    Plain(Box<[u8]>),
    Frame(Frame),
}

impl Packed {
    fn size(&self) -> usize {
        match self {
            Self::Plain(bytes) => bytes.len(),
            Self::Frame(frame) => frame.size(),
        }
    }
}

impl Drop for Late {
    fn drop(&mut self) {
        let saved = self.first_size.saturating_sub(self.packed.get_mut().size());
        self.repacked.dec_by(saved.cast_signed() as i64);
    }
}

impl Late {
    pub(super) fn new(packed: Packed, repacked: Gauge) -> Self {
        Self { first_size: packed.size(), packed: RwLock::new(packed), repacked }
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
        self.packed.read().size()
    }

    /// Bytes held when it came.
    pub(in crate::cache::object) fn first_size(&self) -> usize {
        self.first_size
    }

    /// Takes the better form if it is one.
    pub(super) fn improve(&self, packed: Frame) {
        let saved = self.size().saturating_sub(packed.size());
        if saved > 0 {
            *self.packed.write() = Packed::Frame(packed);
            self.repacked.inc_by(saved.cast_signed() as i64);
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
