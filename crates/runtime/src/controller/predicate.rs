//! Ready-made predicates for [`ControllerBuilder::predicate`](super::ControllerBuilder::predicate).

use crate::{Change, ChangeKind};

/// Whether the desired state changed: `metadata.generation` differs, or the object is new, replaced or being
/// deleted. Changes of status, labels and annotations do not count, nor do resyncs.
pub fn generation_changed(change: &Change) -> bool {
    let (kind, now) = (change.kind, change.object.header());
    match &change.previous {
        Some(before) if kind == ChangeKind::Updated => {
            let before = before.header();
            now.generation != before.generation || now.uid != before.uid || now.deleting != before.deleting
        }
        _ => kind != ChangeKind::Resync,
    }
}

/// Whether the labels changed, or the object is new. Resyncs do not count.
pub fn labels_changed(change: &Change) -> bool {
    change.previous.as_ref().is_none_or(|before| before.labels() != change.object.labels())
}
