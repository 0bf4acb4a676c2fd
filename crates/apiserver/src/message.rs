//! Objects of the server as protobuf.

use std::sync::Arc;

use bytes::Bytes;
use pilothouse_machinery::protobuf::{self, EncodeError};
use pilothouse_machinery::resource::split_api_version;
use pilothouse_machinery::{GroupVersionKind, Status, StatusReason};
use serde_json::Value;

use crate::kind::Kind;
use crate::store::StoredObject;

/// The body of an object of the kind that it names.
pub(crate) fn encode(object: &Value) -> Result<Bytes, EncodeError> {
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let (group, version) = split_api_version(text("apiVersion"));
    let kind = GroupVersionKind::new(group.to_owned(), version.to_owned(), text("kind").to_owned());
    protobuf::encode(&kind, object)
}

/// The body of a list of stored objects.
pub(crate) fn list(kind: &Kind, metadata: &Value, items: &[Arc<StoredObject>]) -> Result<Bytes, EncodeError> {
    let messages: Vec<Bytes> = items.iter().map(|item| item.message(kind)).collect::<Result<_, _>>()?;
    protobuf::encode_list(&kind.resource.api_version(), &kind.list_kind, metadata, &messages)
}

/// The frame of a watch event around an object; an error event where the object has no protobuf.
pub(crate) fn watch_frame(event_type: &str, object: &Value) -> Bytes {
    match encode(object) {
        Ok(body) => protobuf::watch_frame(event_type, &body),
        Err(error) => broken_frame(&error),
    }
}

/// The frame of a watch event around a stored object.
pub(crate) fn stored_frame(event_type: &str, kind: &Kind, object: &StoredObject) -> Bytes {
    match object.message(kind) {
        Ok(message) => {
            let resource = &kind.resource;
            let body = protobuf::envelope(&resource.api_version(), &resource.kind, &message);
            protobuf::watch_frame(event_type, &body)
        }
        Err(error) => broken_frame(&error),
    }
}

fn broken_frame(error: &EncodeError) -> Bytes {
    tracing::warn!(reason = error.reason(), "a watch cannot tell of an object in protobuf");
    let status = Status::failure(StatusReason::InternalError, error.to_string());
    let value = serde_json::to_value(&status).unwrap_or_default();
    let body = encode(&value).unwrap_or_default();
    protobuf::watch_frame("ERROR", &body)
}
