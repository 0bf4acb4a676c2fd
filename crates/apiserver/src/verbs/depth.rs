//! How deep objects may be nested.

use pilothouse_machinery::Status;
use serde_json::Value;

/// Levels of lists and maps that a stored object may have. JSON readers, this server's and those of its clients, stop
/// at 128; lists and watch events put objects a few levels deeper.
const DEEPEST: usize = 120;

/// Refuses an object that is nested too deep, its `managedFields` included.
pub(super) fn check_depth(object: &Value) -> Result<(), Status> {
    if fits(object, DEEPEST) {
        return Ok(());
    }
    Err(Status::bad_request(format!("the object is nested too deep: more than {DEEPEST} levels")))
}

fn fits(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(|item| fits(item, levels - 1)),
        Value::Object(members) => levels > 0 && members.values().all(|member| fits(member, levels - 1)),
        _ => true,
    }
}
