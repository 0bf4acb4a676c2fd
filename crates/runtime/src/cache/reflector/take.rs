//! Taking in objects, and what becomes of those that cannot be.

use std::error::Error;
use std::sync::Arc;

use pilothouse_machinery::ObjectKey;

use super::ReflectorMetrics;
use crate::cache::{CachedObject, Encoding, Intake};

/// What came of the bytes of an object. What is no object was logged and counted (R17).
pub(super) enum Taken {
    /// The object.
    Object(Arc<CachedObject>),
    /// An object of the type that cannot be read, and its key where at least that can.
    Unreadable(Option<ObjectKey>),
    /// Something else: an object of another type, a table.
    Foreign,
}

/// Takes in the bytes of one object.
pub(super) fn take_in(
    bytes: &[u8],
    encoding: Encoding,
    intake: &mut Intake,
    metrics: &ReflectorMetrics,
) -> Taken {
    let error = match intake.take(bytes, encoding) {
        Ok(object) => return Taken::Object(object),
        Err(error) => error,
    };
    let reason = error.reason();
    tracing::error!(error = &error as &dyn Error, reason, "skip what is no object of the type");
    metrics.skip(reason);
    if reason == "WrongType" {
        return Taken::Foreign;
    }
    Taken::Unreadable(error.key().cloned())
}
