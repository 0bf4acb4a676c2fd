//! One change of one object, as watches tell it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::StoredObject;
use crate::kind::Kind;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    /// It is new.
    Added,
    /// It changed.
    Modified,
    /// It is gone.
    Deleted,
}

impl EventKind {
    /// The `type` of the watch event.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

/// One committed write. Its usual watch frame is encoded once, whoever reads it first.
#[derive(Debug)]
pub(crate) struct Event {
    /// What happened.
    pub(crate) kind: EventKind,
    /// The object after the write; for a deletion its last state with the revision of the deletion.
    pub(crate) object: Arc<StoredObject>,
    /// The object before the write.
    pub(crate) previous: Option<Arc<StoredObject>>,
    frame: OnceLock<Bytes>,
    exit: OnceLock<Arc<StoredObject>>,
}

impl Event {
    pub(super) fn new(
        kind: EventKind,
        object: Arc<StoredObject>,
        previous: Option<Arc<StoredObject>>,
    ) -> Self {
        Self { kind, object, previous, frame: OnceLock::new(), exit: OnceLock::new() }
    }

    /// The revision of the write.
    pub(crate) fn revision(&self) -> u64 {
        self.object.revision()
    }

    /// The event as a line of a watch in the version of `kind`.
    pub(crate) fn frame(&self, kind: &Kind) -> Bytes {
        let bytes = self.object.bytes(kind);
        if bytes.as_ptr() != self.object.stored_bytes().as_ptr() {
            return frame(self.kind, &bytes);
        }
        self.frame.get_or_init(|| frame(self.kind, &bytes)).clone()
    }

    /// What a watch tells whose selector the object left: the object before the write, with the write's revision.
    pub(crate) fn exit(&self, kind: &Kind) -> Arc<StoredObject> {
        let exit = self.exit.get_or_init(|| match &self.previous {
            Some(previous) => {
                let mut value = previous.value(kind);
                Arc::new(StoredObject::new(kind, previous.key(), self.revision(), &mut value))
            }
            None => self.object.clone(),
        });
        exit.clone()
    }
}

/// `{"type":"ADDED","object":{...}}` and a newline.
pub(crate) fn frame(kind: EventKind, object: &[u8]) -> Bytes {
    let mut line = Vec::with_capacity(object.len() + 32);
    line.extend_from_slice(b"{\"type\":\"");
    line.extend_from_slice(kind.as_str().as_bytes());
    line.extend_from_slice(b"\",\"object\":");
    line.extend_from_slice(object);
    line.extend_from_slice(b"}\n");
    line.into()
}
