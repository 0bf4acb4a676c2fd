//! Parts of objects, by path.

use std::borrow::Cow;

use pilothouse_machinery::ResourceType;
use pilothouse_machinery::json::{field, prune};

/// What every object keeps.
const ALWAYS: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// The keys of a JSON pointer.
pub(super) fn keys(pointer: &str) -> Vec<Cow<'_, str>> {
    let unescaped = |key: &str| key.replace("~1", "/").replace("~0", "~");
    let keys = pointer.strip_prefix('/').unwrap_or(pointer).split('/');
    keys.map(|key| if key.contains('~') { unescaped(key).into() } else { key.into() }).collect()
}

pub(super) fn borrowed<'a>(keys: &'a [Cow<'_, str>]) -> Vec<&'a str> {
    keys.iter().map(AsRef::as_ref).collect()
}

/// The scalar at `pointer`: texts without quotes, numbers and booleans as they are written; nothing for `null`, lists
/// and objects.
pub(super) fn scalar<'a>(json: &'a [u8], pointer: &str) -> Option<Cow<'a, str>> {
    let value = field(json, &borrowed(&keys(pointer)))?;
    match value.first()? {
        b'"' if !value.contains(&b'\\') => {
            let text = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
            Some(std::str::from_utf8(text).ok()?.into())
        }
        b'"' => Some(serde_json::from_slice::<String>(value).ok()?.into()),
        b'n' | b'[' | b'{' => None,
        _ => Some(std::str::from_utf8(value).ok()?.into()),
    }
}

/// `apiVersion`, `kind` and `metadata` of an object of this type. What the object says of its type is not kept: it may
/// say that it is only the metadata of one.
pub(super) fn metadata(json: &[u8], resource: &ResourceType) -> Option<Vec<u8>> {
    let metadata = field(json, &["metadata"])?;
    let opening =
        format!(r#"{{"apiVersion":"{}","kind":"{}","metadata":"#, resource.api_version(), resource.kind);
    Some([opening.as_bytes(), metadata, b"}"].concat())
}

/// The object with its metadata and the fields at these pointers.
pub(super) fn fields(json: &[u8], pointers: &[String]) -> Vec<u8> {
    let pointers: Vec<Vec<Cow<'_, str>>> = pointers.iter().map(|pointer| keys(pointer)).collect();
    let paths: Vec<Vec<&str>> =
        ALWAYS.iter().map(|key| vec![*key]).chain(pointers.iter().map(|keys| borrowed(keys))).collect();
    prune(json, &paths.iter().map(Vec::as_slice).collect::<Vec<_>>())
}
