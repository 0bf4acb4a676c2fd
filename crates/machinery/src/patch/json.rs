//! JSON patch (RFC 6902) and JSON merge patch (RFC 7386).

use json_patch::{PatchErrorKind, PatchOperation};
use serde_json::Value;

use super::error::{PatchError, kind_of};

/// Operations allowed in one JSON patch, as in kube-apiserver.
pub const MAX_OPERATIONS: usize = 10_000;

/// Bytes that the `copy` operations of one JSON patch may copy together, as in kube-apiserver (its limit for bodies).
pub const MAX_COPIED_BYTES: usize = 3 * 1024 * 1024;

/// Levels of nesting that a patched object may have: as many as the JSON reader accepts.
const MAX_DEPTH: usize = 127;

/// Applies a JSON patch (RFC 6902); `object` is unchanged when it fails.
///
/// As in kube-apiserver, a `test` for null holds where the field is missing.
///
/// # Errors
///
/// [`PatchError::NotAPatch`] unless `patch` is a list of objects; the others of [`PatchError`] when it is too large,
/// has an unknown operation, or does not apply.
pub fn json_patch(object: &mut Value, patch: &Value) -> Result<(), PatchError> {
    let expected = "a list of operations";
    let operations =
        patch.as_array().ok_or_else(|| PatchError::NotAPatch { expected, found: kind_of(patch) })?;
    if let Some(odd) = operations.iter().find(|operation| !operation.is_object()) {
        return Err(PatchError::NotAPatch { expected, found: kind_of(odd) });
    }
    if operations.len() > MAX_OPERATIONS {
        return Err(PatchError::TooManyOperations { count: operations.len(), limit: MAX_OPERATIONS });
    }
    let mut draft = object.clone();
    let mut copied = 0;
    for (index, operation) in operations.iter().enumerate() {
        let operation: PatchOperation = serde::Deserialize::deserialize(operation)
            .map_err(|source| PatchError::Operation { index, source })?;
        let added = added_value(&draft, &operation);
        if operation.path().count() + added.map_or(0, depth) > MAX_DEPTH {
            return Err(PatchError::TooDeep { index });
        }
        if matches!(operation, PatchOperation::Copy(_)) {
            copied += added.map_or(0, weight);
            if copied > MAX_COPIED_BYTES {
                return Err(PatchError::CopiesTooMuch { limit: MAX_COPIED_BYTES });
            }
        }
        apply(&mut draft, &operation).map_err(|source| PatchError::Unapplicable {
            index,
            path: operation.path().to_string(),
            source,
        })?;
    }
    *object = draft;
    Ok(())
}

fn apply(draft: &mut Value, operation: &PatchOperation) -> Result<(), PatchErrorKind> {
    if let PatchOperation::Test(test) = operation
        && test.value.is_null()
        && let Some((parent, _)) = test.path.split_back()
        && draft.pointer(parent.as_str()).is_some_and(Value::is_object)
        && draft.pointer(test.path.as_str()).is_none()
    {
        return Ok(());
    }
    json_patch::patch_unsafe(draft, std::slice::from_ref(operation)).map_err(|error| error.kind)
}

/// The value that the operation puts somewhere.
fn added_value<'v>(draft: &'v Value, operation: &'v PatchOperation) -> Option<&'v Value> {
    match operation {
        PatchOperation::Add(add) => Some(&add.value),
        PatchOperation::Replace(replace) => Some(&replace.value),
        PatchOperation::Move(moved) => draft.pointer(moved.from.as_str()),
        PatchOperation::Copy(copy) => draft.pointer(copy.from.as_str()),
        PatchOperation::Remove(_) | PatchOperation::Test(_) => None,
    }
}

/// Levels of lists and objects in the value.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// About the length of the value as JSON text.
fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 4,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|item| weight(item) + 1).sum::<usize>(),
        Value::Object(fields) => {
            2 + fields.iter().map(|(name, value)| name.len() + 4 + weight(value)).sum::<usize>()
        }
    }
}

/// Applies a JSON merge patch (RFC 7386): null removes, objects merge, everything else replaces.
///
/// # Errors
///
/// [`PatchError::NotAPatch`] unless `patch` is an object, because an object of the API is never anything else.
pub fn merge_patch(object: &mut Value, patch: &Value) -> Result<(), PatchError> {
    if !patch.is_object() {
        return Err(PatchError::NotAPatch { expected: "an object", found: kind_of(patch) });
    }
    json_patch::merge(object, patch);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn patched(patch: &Value) -> Result<Value, PatchError> {
        let mut object = json!({"metadata": {"name": "a"}, "data": {"k": "1", "l": "2"}, "list": [1, 2]});
        let before = object.clone();
        json_patch(&mut object, patch).map(|()| object.clone()).inspect_err(|_| assert_eq!(object, before))
    }

    #[test]
    fn operations_apply_in_order() {
        let object = patched(&json!([
            {"op": "test", "path": "/data/k", "value": "1"},
            {"op": "move", "from": "/data/k", "path": "/data/kk"},
            {"op": "copy", "from": "/data/kk", "path": "/data/k3"},
            {"op": "remove", "path": "/data/l"},
            {"op": "add", "path": "/list/-", "value": 3},
            {"op": "add", "path": "/metadata/labels", "value": {"a/b": "c"}},
            {"op": "replace", "path": "/metadata/labels/a~1b", "value": "d"},
        ]));
        assert_eq!(
            object.unwrap(),
            json!({"metadata": {"name": "a", "labels": {"a/b": "d"}}, "data": {"kk": "1", "k3": "1"},
                   "list": [1, 2, 3]})
        );
    }

    #[test]
    fn a_patch_that_does_not_apply_is_invalid_and_changes_nothing() {
        for patch in [
            json!([{"op": "add", "path": "/data/n", "value": "4"}, {"op": "test", "path": "/data/k", "value": "z"}]),
            json!([{"op": "remove", "path": "/data/none"}]),
            json!([{"op": "replace", "path": "/none/deep", "value": 1}]),
            json!([{"op": "add", "path": "/list/9", "value": 1}]),
            json!([{"op": "move", "from": "/data", "path": "/data/k"}]),
            json!([{"op": "bogus", "path": "/data/k"}]),
            json!([{"op": "add", "path": "no-slash", "value": 1}]),
            json!([{"op": "test", "path": "/data/k", "value": null}]),
        ] {
            let error = patched(&patch).unwrap_err();
            assert_eq!(error.status().code, 422, "{patch}");
        }
    }

    #[test]
    fn a_document_that_is_no_patch_is_a_bad_request() {
        for patch in [json!({"op": "add"}), json!("text"), json!([1]), json!(null)] {
            assert_eq!(patched(&patch).unwrap_err().status().code, 400);
        }
        let many = vec![json!({"op": "test", "path": "/data/k", "value": "1"}); MAX_OPERATIONS + 1];
        assert_eq!(patched(&Value::Array(many[1..].to_vec())).unwrap()["data"]["k"], "1");
        assert_eq!(patched(&Value::Array(many)).unwrap_err().status().code, 413);
    }

    #[test]
    fn a_test_for_null_holds_where_the_field_is_missing() {
        assert!(patched(&json!([{"op": "test", "path": "/metadata/finalizers", "value": null}])).is_ok());
        assert!(patched(&json!([{"op": "test", "path": "/none/deep", "value": null}])).is_err());
    }

    #[test]
    fn copies_that_double_the_object_or_nest_without_end_are_stopped() {
        let double = |n: usize| json!({"op": "copy", "from": "/data", "path": format!("/data/x{n}")});
        let error = patched(&(0..64).map(double).collect()).unwrap_err();
        assert_eq!(error.reason(), "CopiesTooMuch");
        let nest = json!({"op": "copy", "from": "", "path": "/data/again"});
        assert_eq!(patched(&Value::Array(vec![nest; 200])).unwrap_err().reason(), "TooDeep");
    }

    #[test]
    fn merge_patch_removes_nulls_merges_objects_and_replaces_the_rest() {
        let mut object = json!({"metadata": {"labels": {"x": "y"}}, "list": [1, 2]});
        merge_patch(
            &mut object,
            &json!({"metadata": {"labels": {"x": null, "z": {"q": null}}}, "list": [3]}),
        )
        .unwrap();
        assert_eq!(object, json!({"metadata": {"labels": {"z": {}}}, "list": [3]}));
        assert_eq!(merge_patch(&mut object, &json!([])).unwrap_err().status().code, 400);
    }

    proptest! {
        #[test]
        fn any_pointer_gives_an_answer_and_a_failure_changes_nothing(path in "(/[a-z0-9~-]{0,3}){0,3}") {
            for op in ["add", "remove", "replace", "test"] {
                let _ = patched(&json!([{"op": op, "path": path, "value": 1}]));
            }
        }
    }
}
