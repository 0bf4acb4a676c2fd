//! Room for what is about to be kept.

use std::hint::black_box;

/// How much room is made at a time, in bytes: below what allocators take from the system by itself.
const STEP: usize = 120 * 1024;

/// How much of the room that was made last is left, in bytes.
#[derive(Debug, Default)]
pub(super) struct Headroom {
    left: usize,
}

impl Headroom {
    /// Before `bytes` are kept for good.
    ///
    /// glibc extends what threads other than the first allocate from by just the pages that each allocation lacks, by
    /// a system call that takes longer than the scan of an object. A block that is asked for and given back extends
    /// it once for many objects. Room that is not used takes no memory, only addresses.
    pub(super) fn take(&mut self, bytes: usize) {
        if bytes > self.left {
            // What nobody looks at a compiler may leave out.
            drop(black_box(Vec::<u8>::with_capacity(STEP)));
            self.left = STEP;
        }
        self.left = self.left.saturating_sub(bytes);
    }
}
