//! The envelopes that a server writes around protobuf messages (apimachinery's `runtime.Unknown`, `PodList`,
//! `WatchEvent`).

use super::catalogue::Format;

/// What every protobuf body begins with.
const MAGIC: &[u8] = b"k8s\0";
/// Before the digits of a version in a message: tag and length.
pub(crate) const VERSION_PREFIX: usize = 2;
const RESOURCE_VERSION_OF_OBJECT: u8 = 6;

/// The field `resourceVersion` of a pod's metadata.
pub(crate) fn version_key(version: u32) -> Vec<u8> {
    let mut key = Vec::new();
    text(RESOURCE_VERSION_OF_OBJECT, &version.to_string(), &mut key);
    key
}

fn varint(mut value: u64, buffer: &mut Vec<u8>) {
    while value >= 0x80 {
        buffer.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    buffer.push(u8::try_from(value).unwrap_or(0));
}

/// Tag and length of a field that `length` bytes follow.
fn open(field: u8, length: usize, buffer: &mut Vec<u8>) {
    buffer.push(field << 3 | 2);
    varint(length as u64, buffer);
}

fn bytes(field: u8, value: &[u8], buffer: &mut Vec<u8>) {
    open(field, value.len(), buffer);
    buffer.extend_from_slice(value);
}

fn text(field: u8, value: &str, buffer: &mut Vec<u8>) {
    bytes(field, value.as_bytes(), buffer);
}

/// The beginning of an envelope, up to where `length` bytes of the message follow.
fn open_unknown(kind: &str, length: usize, buffer: &mut Vec<u8>) {
    let mut type_meta = Vec::new();
    text(1, "v1", &mut type_meta);
    text(2, kind, &mut type_meta);
    buffer.extend_from_slice(MAGIC);
    bytes(1, &type_meta, buffer);
    open(2, length, buffer);
}

/// The end of an envelope: Go always writes content encoding and type.
fn close_unknown(buffer: &mut Vec<u8>) {
    text(3, "", buffer);
    text(4, "", buffer);
}

/// A `PodList` in its envelope.
pub(crate) fn list(version: &str, next: &str, left: usize, items: &[Vec<u8>]) -> Vec<u8> {
    let mut metadata = Vec::new();
    text(1, "", &mut metadata);
    text(2, version, &mut metadata);
    text(3, next, &mut metadata);
    if !next.is_empty() {
        metadata.push(4 << 3);
        varint(left as u64, &mut metadata);
    }
    let mut message = Vec::with_capacity(items.iter().map(|item| item.len() + 6).sum::<usize>() + 64);
    bytes(1, &metadata, &mut message);
    for item in items {
        bytes(2, item, &mut message);
    }
    let mut body = Vec::with_capacity(message.len() + 64);
    open_unknown("PodList", message.len(), &mut body);
    body.extend_from_slice(&message);
    close_unknown(&mut body);
    body
}

/// One event of a watch: in JSON a line, in protobuf a length of four bytes and a `WatchEvent`. The object is one
/// that [`Catalogue::put`](super::catalogue::Catalogue::put) wrote.
pub(crate) fn event(kind: &str, object: &[u8], format: Format) -> Vec<u8> {
    if format == Format::Protobuf {
        return protobuf_event(kind, "Pod", object);
    }
    let mut frame = Vec::with_capacity(object.len() + 100);
    frame.extend_from_slice(b"{\"type\":\"");
    frame.extend_from_slice(kind.as_bytes());
    frame.extend_from_slice(b"\",\"object\":{");
    if format == Format::Json {
        frame.extend_from_slice(b"\"kind\":\"Pod\",\"apiVersion\":\"v1\",");
    }
    frame.extend_from_slice(&object[1..]);
    frame.extend_from_slice(b"}\n");
    frame
}

fn protobuf_event(event_type: &str, kind: &str, message: &[u8]) -> Vec<u8> {
    let mut envelope = Vec::with_capacity(message.len() + 40);
    open_unknown(kind, message.len(), &mut envelope);
    envelope.extend_from_slice(message);
    close_unknown(&mut envelope);
    let mut raw = Vec::with_capacity(6);
    open(1, envelope.len(), &mut raw);
    let mut frame = Vec::with_capacity(envelope.len() + 32);
    frame.extend_from_slice(&[0; 4]);
    text(1, event_type, &mut frame);
    open(2, raw.len() + envelope.len(), &mut frame);
    frame.extend_from_slice(&raw);
    frame.extend_from_slice(&envelope);
    let length = u32::try_from(frame.len() - 4).unwrap_or(u32::MAX);
    frame[..4].copy_from_slice(&length.to_be_bytes());
    frame
}

/// The event that says that the history since a version is lost. A real server, too, answers a watch with 200 and
/// this event.
pub(crate) fn expired(format: Format) -> Vec<u8> {
    const MESSAGE: &str = "too old resource version";
    if format == Format::Protobuf {
        let mut status = Vec::new();
        bytes(1, &[], &mut status);
        for (field, value) in [(2, "Failure"), (3, MESSAGE), (4, "Expired")] {
            text(field, value, &mut status);
        }
        status.push(6 << 3);
        varint(410, &mut status);
        return protobuf_event("ERROR", "Status", &status);
    }
    format!(
        "{{\"type\":\"ERROR\",\"object\":{{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{{}},\
         \"status\":\"Failure\",\"message\":\"{MESSAGE}\",\"reason\":\"Expired\",\"code\":410}}}}\n"
    )
    .into_bytes()
}

/// The bookmark that ends a streamed list (KEP-3157).
pub(crate) fn end_of_list(version: u32, format: Format) -> Vec<u8> {
    const ANNOTATION: &str = "k8s.io/initial-events-end";
    if format == Format::Protobuf {
        let (mut entry, mut metadata, mut pod) = (Vec::new(), Vec::new(), Vec::new());
        text(1, ANNOTATION, &mut entry);
        text(2, "true", &mut entry);
        text(RESOURCE_VERSION_OF_OBJECT, &version.to_string(), &mut metadata);
        bytes(12, &entry, &mut metadata);
        bytes(1, &metadata, &mut pod);
        return event("BOOKMARK", &pod, format);
    }
    let metadata = format!(
        "\"metadata\":{{\"resourceVersion\":\"{version}\",\"annotations\":{{\"{ANNOTATION}\":\"true\"}}}}"
    );
    let object = match format {
        Format::Metadata => {
            format!("{{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",{metadata}}}")
        }
        // As Go writes an empty pod.
        _ => format!("{{{metadata},\"spec\":{{\"containers\":null}},\"status\":{{}}}}"),
    };
    event("BOOKMARK", object.as_bytes(), format)
}
