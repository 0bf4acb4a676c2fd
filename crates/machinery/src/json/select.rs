//! Parts of an object, out of its bytes.

use super::cursor::Cursor;

/// The bytes of the value at `path`, the keys of objects from the outermost inwards, in the JSON text `json`.
///
/// Walks only what is before the value, and passes over what is beside the path without looking into it. Reads the
/// first member of a key. `None` when there is no such value, or something on the way is no object. The text must be
/// valid; of other text the answer is a part of it, or `None`.
#[must_use]
pub fn field<'a>(json: &'a [u8], path: &[&str]) -> Option<&'a [u8]> {
    let mut cursor = Cursor::new(json);
    for key in path {
        if cursor.peek()? != b'{' {
            return None;
        }
        while !cursor.key()?.is(key) {
            cursor.value()?;
        }
    }
    cursor.value()
}

/// The object in the JSON text `json` with only the values at these paths, as `[["metadata", "name"]]`.
///
/// Members keep their order and are copied as they are. Objects on the way to a path stay, if empty, where a path leads
/// into them; what a path leads through that is no object is left out. A path that ends at an object keeps it whole.
/// Without any path, or when `json` is no object, the result is `{}`. The text must be valid; of other text the result
/// is made of parts of it.
#[must_use]
pub fn prune(json: &[u8], keep: &[&[&str]]) -> Vec<u8> {
    let mut kept = Vec::new();
    if prune_into(&mut Cursor::new(json), keep, &mut kept).is_none() {
        return b"{}".to_vec();
    }
    kept
}

/// Copies the object at the cursor, and moves behind it.
fn prune_into(cursor: &mut Cursor<'_>, keep: &[&[&str]], kept: &mut Vec<u8>) -> Option<()> {
    if cursor.peek()? != b'{' {
        return None;
    }
    kept.push(b'{');
    let start = kept.len();
    while let Some(key) = cursor.key() {
        let within: Vec<&[&str]> = keep
            .iter()
            .filter_map(|path| path.split_first().filter(|(first, _)| key.is(first)).map(|(_, rest)| rest))
            .collect();
        let whole = within.iter().any(|rest| rest.is_empty());
        if within.is_empty() || (!whole && cursor.peek()? != b'{') {
            cursor.value()?;
            continue;
        }
        if kept.len() > start {
            kept.push(b',');
        }
        kept.push(b'"');
        kept.extend_from_slice(key.bytes);
        kept.extend_from_slice(b"\":");
        if whole {
            kept.extend_from_slice(cursor.value()?);
        } else {
            prune_into(cursor, &within, kept)?;
        }
    }
    kept.push(b'}');
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const POD: &str = r#"{ "kind" : "Pod", "metadata": {"name":"p","labels":{"a\\\"}":"{[","b":"\u00e9"}, "n":1.5e3},
        "spec":{"nodeName":"n-1","containers":[{"name":"c"},{"spec":{}}],"x":{}},"st\u0061tus":{"phase":null}}"#;

    #[test]
    fn a_field_is_found_beside_whatever_stands_before_it() {
        for (path, expected) in [
            (&["spec", "nodeName"][..], Some(r#""n-1""#)),
            (&["metadata", "n"], Some("1.5e3")),
            (&["metadata", "labels", "b"], Some(r#""\u00e9""#)),
            (&["status", "phase"], Some("null")),
            (&["spec", "x"], Some("{}")),
            (&["spec", "containers"], Some(r#"[{"name":"c"},{"spec":{}}]"#)),
            (&["spec", "containers", "name"], None),
            (&["spec", "x", "y"], None),
            (&["kind", "x"], None),
            (&["nothing"], None),
            (&[], Some(POD)),
        ] {
            let found = field(POD.as_bytes(), path).map(|found| std::str::from_utf8(found).unwrap());
            assert_eq!(found, expected, "{path:?}");
        }
    }

    #[test]
    fn pruning_keeps_the_paths_and_nothing_else() {
        for (keep, expected) in [
            (
                &[&["spec", "nodeName"][..], &["metadata", "name"]][..],
                json!({"metadata": {"name": "p"}, "spec": {"nodeName": "n-1"}}),
            ),
            (
                &[&["metadata", "labels"], &["metadata", "labels", "b"]],
                json!({"metadata": {"labels": {"a\\\"}": "{[", "b": "\u{e9}"}}}),
            ),
            (
                &[&["status", "phase"], &["spec", "x", "y"], &["kind", "x"], &["spec", "containers", "name"]],
                json!({"status": {"phase": null}, "spec": {"x": {}}}),
            ),
            (&[&["nothing"]], json!({})),
            (&[], json!({})),
        ] {
            let kept = prune(POD.as_bytes(), keep);
            assert_eq!(serde_json::from_slice::<Value>(&kept).unwrap(), expected);
        }
        assert_eq!(prune(b"[1]", &[&["a"]]), b"{}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_them_panic(bytes in r#"[{}\[\]",:\\ab ]{0,40}"#) {
            let _ = field(bytes.as_bytes(), &["a", "b"]);
            let _ = prune(bytes.as_bytes(), &[&["a", "b"], &["b"]]);
        }
    }
}
