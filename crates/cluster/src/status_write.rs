//! Writing a status that was computed from one version of an object.

use pilothouse::controller::{Context, StatusField};
use pilothouse::{ClientError, Object};
use serde::Serialize;

/// Replaces the status of `object` where it differs. Answers `false`, and writes nothing, when the object has changed
/// since it was read: the status may then be wrong and has to be computed again.
///
/// Dropping the future may leave the status written or not.
pub(crate) async fn replace_status<T, Via>(
    context: &Context<T>,
    object: &T,
    status: T::Status,
) -> Result<bool, ClientError>
where
    T: Object + StatusField<Via>,
    T::Status: Serialize + Send,
{
    let (mut status, mut is_current) = (Some(status), true);
    let change = |present: &mut T::Status| match status.take() {
        Some(status) => *present = status,
        // Called again: the first write met a newer version.
        None => is_current = false,
    };
    context.update_status(object, change).await?;
    Ok(is_current)
}
