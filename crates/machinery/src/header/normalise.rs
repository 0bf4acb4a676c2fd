//! The bytes a cache keeps: the object without `managedFields` and with its type named.

use std::ops::Range;

use bytes::Bytes;

use super::ScannedObject;
use crate::ResourceType;

const KEY: &[u8] = b"\"managedFields\"";

/// Copies the object in `bytes` into an allocation of its own, without `metadata.managedFields` and with
/// `apiVersion` and `kind` in front where the object leaves them out, as items of a list do.
///
/// `scanned` must come from [`scan`](super::scan) of the same bytes. A `managedFields` key that is written
/// with escapes stays: no server writes it so, and keeping it loses nothing but space.
#[must_use]
pub fn normalise(bytes: &[u8], scanned: &ScannedObject, resource: &ResourceType) -> Bytes {
    let cut = scanned.managed_fields.clone().and_then(|value| cut_range(bytes, value)).unwrap_or(0..0);
    let (separator, group, version) = match &*resource.group {
        "" => ("", "", &*resource.version),
        group => ("/", group, &*resource.version),
    };
    let api_version = ["\"apiVersion\":\"", group, separator, version, "\","];
    let kind = ["\"kind\":\"", &*resource.kind, "\","];
    let api_version = if scanned.api_version.is_none() { &api_version[..] } else { &[] };
    let kind = if scanned.kind.is_none() { &kind[..] } else { &[] };
    // The object was scanned: it has a brace, and at least one field (metadata) after it.
    let start = bytes.iter().position(|byte| *byte == b'{').map_or(0, |brace| brace + 1);
    let before = bytes.get(start..cut.start.max(start)).unwrap_or_default();
    let after = bytes.get(cut.end.max(start)..).unwrap_or_default();
    let opening = || api_version.iter().chain(kind);
    let size = 1 + opening().map(|part| part.len()).sum::<usize>() + before.len() + after.len();
    let mut kept = Vec::with_capacity(size);
    kept.push(b'{');
    opening().for_each(|part| kept.extend_from_slice(part.as_bytes()));
    kept.extend_from_slice(before);
    kept.extend_from_slice(after);
    Bytes::from(kept)
}

/// From the value's range to that of key, colon, value and one comma.
fn cut_range(bytes: &[u8], value: Range<usize>) -> Option<Range<usize>> {
    let before = bytes.get(..value.start)?.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end();
    let before = before.strip_suffix(KEY)?.trim_ascii_end();
    if let Some(shorter) = before.strip_suffix(b",") {
        return Some(shorter.len()..value.end);
    }
    let after = bytes.get(value.end..)?;
    let rest = after.trim_ascii_start();
    let end = bytes.len() - rest.strip_prefix(b",").unwrap_or(rest).len();
    Some(before.len()..end)
}
