//! Writing a reply in the form that the client accepts.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use pilothouse_machinery::{Status, StatusReason, protobuf};
use serde_json::{Value, json};

use crate::kind::Kind;
use crate::message;
use crate::request::{Call, Form, Representation, include_object};
use crate::store::StoredObject;
use crate::table::{partial_metadata, partial_metadata_list, render, scale_table};
use crate::verbs::{Content, Page, Reply};
use crate::{ApiServer, ResponseBody};

/// The media type of a watch in protobuf.
const PROTOBUF_WATCH: &str = "application/vnd.kubernetes.protobuf;stream=watch";

/// Writes `reply` to `call`.
pub(crate) fn respond(server: &ApiServer, call: &Call, reply: Reply) -> Response<ResponseBody> {
    let Reply { code, content, warnings } = reply;
    let mut response = match content {
        Content::Watch(stream) => {
            let media_type = if call.form == Form::Protobuf { PROTOBUF_WATCH } else { "application/json" };
            typed(code, media_type, ResponseBody::watch(stream))
        }
        Content::Status(status) => failure_in(call.form, &status),
        content => match body(server, call, content) {
            Ok(Encoded::Json(bytes)) => encoded(code, call.form, bytes),
            Ok(Encoded::Protobuf(bytes)) => typed(code, protobuf::MEDIA_TYPE, ResponseBody::full(bytes)),
            Err(status) => failure_in(call.form, &status),
        },
    };
    for warning in warnings {
        let text: String = warning.chars().filter(|letter| !letter.is_control()).collect();
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
    response
}

/// The answer to a request that failed, or to a deletion, in JSON.
pub(crate) fn failure(status: &Status) -> Response<ResponseBody> {
    failure_in(Form::Json, status)
}

/// The same in the form that the client accepts.
pub(crate) fn failure_in(form: Form, status: &Status) -> Response<ResponseBody> {
    let code = if status.code == 0 { 200 } else { status.code };
    let value = serde_json::to_value(status).unwrap_or_default();
    let mut response = match form {
        Form::Json | Form::Yaml => typed(
            code,
            "application/json",
            ResponseBody::full(serde_json::to_vec(status).unwrap_or_default()),
        ),
        Form::Protobuf => encoded_value(code, &value),
    };
    let wait = status.details.as_ref().and_then(|details| details.retry_after_seconds);
    if let Some(seconds) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// A body of a type.
pub(crate) fn typed(code: u16, media_type: &'static str, body: ResponseBody) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

fn encoded(code: u16, form: Form, json: Bytes) -> Response<ResponseBody> {
    match form {
        Form::Json => typed(code, "application/json", ResponseBody::full(json)),
        Form::Yaml => {
            let value: Value = serde_json::from_slice(&json).unwrap_or_default();
            let text = serde_saphyr::to_string(&value).unwrap_or_default();
            typed(code, "application/yaml", ResponseBody::full(text))
        }
        Form::Protobuf => encoded_value(code, &serde_json::from_slice(&json).unwrap_or_default()),
    }
}

/// An object in protobuf, or in JSON where it has no protobuf: clients look at the media type.
fn encoded_value(code: u16, value: &Value) -> Response<ResponseBody> {
    match message::encode(value) {
        Ok(bytes) => typed(code, protobuf::MEDIA_TYPE, ResponseBody::full(bytes)),
        Err(error) => {
            tracing::warn!(kind = %value["kind"], reason = error.reason(), "answer in JSON what has no protobuf");
            typed(code, "application/json", ResponseBody::full(value.to_string()))
        }
    }
}

/// A body that is written already.
enum Encoded {
    Json(Bytes),
    Protobuf(Bytes),
}

fn body(server: &ApiServer, call: &Call, content: Content) -> Result<Encoded, Status> {
    if call.form == Form::Protobuf && call.representation == Representation::Full {
        // Stored objects are encoded once, whoever asks first.
        let bytes = match &content {
            Content::Page(page) => message::list(&call.kind, &page_metadata(page), &page.items),
            Content::Stored(object) => object.message(&call.kind).map(|message| {
                let resource = &call.kind.resource;
                protobuf::envelope(&resource.api_version(), &resource.kind, &message)
            }),
            _ => return json_body(server, call, content).map(Encoded::Json),
        };
        if let Ok(bytes) = bytes {
            return Ok(Encoded::Protobuf(bytes));
        }
    }
    json_body(server, call, content).map(Encoded::Json)
}

fn json_body(server: &ApiServer, call: &Call, content: Content) -> Result<Bytes, Status> {
    let kind = &*call.kind;
    match (content, call.representation) {
        (Content::Page(page), representation) => page_body(server, call, &page, representation),
        (Content::Other(value), Representation::Table(version)) if value["kind"] == "Scale" => {
            let mut table = scale_table(&value, include_object(call)?, server.environment().now());
            table["apiVersion"] = format!("meta.k8s.io/{version}").into();
            Ok(table.to_string().into())
        }
        (Content::Other(value), _) => Ok(value.to_string().into()),
        (Content::Stored(object), Representation::Full) => Ok(object.bytes(kind)),
        (Content::Stored(object), _) => object_body(server, call, &object.value(kind)),
        (Content::Value(value), Representation::Full) => {
            let resource = &kind.resource;
            Ok(crate::store::encode(&value, &resource.kind, &resource.api_version()).0)
        }
        (Content::Value(value), _) => object_body(server, call, &value),
        (Content::Status(_) | Content::Watch(_), _) => Ok(Bytes::new()),
    }
}

fn object_body(server: &ApiServer, call: &Call, object: &Value) -> Result<Bytes, Status> {
    let value = match call.representation {
        Representation::Full => object.clone(),
        Representation::Metadata => partial_metadata(object),
        Representation::MetadataList => {
            return Err(unfit("PartialObjectMetadataList", "not a list", &call.kind, ""));
        }
        Representation::Table(version) => {
            let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
            table(server, call, &metadata, std::slice::from_ref(object), version)?
        }
    };
    Ok(value.to_string().into())
}

fn page_metadata(page: &Page) -> Value {
    let mut metadata = json!({"resourceVersion": page.revision.to_string()});
    if let Some(token) = &page.continue_token {
        metadata["continue"] = token.as_str().into();
    }
    if let Some(remaining) = page.remaining {
        metadata["remainingItemCount"] = remaining.into();
    }
    metadata
}

fn page_body(
    server: &ApiServer,
    call: &Call,
    page: &Page,
    representation: Representation,
) -> Result<Bytes, Status> {
    let mut metadata = page_metadata(page);
    let values = || page.items.iter().map(|item| item.value(&call.kind)).collect::<Vec<_>>();
    let value = match representation {
        Representation::Full => {
            // Lists of custom resources are written from their generic form, which has the field always.
            if call.kind.custom && page.continue_token.is_none() {
                metadata["continue"] = "".into();
            }
            return Ok(list_body(&call.kind, &metadata, &page.items));
        }
        Representation::Metadata => {
            return Err(unfit("PartialObjectMetadata", "a list", &call.kind, "List"));
        }
        Representation::MetadataList => partial_metadata_list(&metadata, &values()),
        Representation::Table(version) => table(server, call, &metadata, &values(), version)?,
    };
    Ok(value.to_string().into())
}

fn table(
    server: &ApiServer,
    call: &Call,
    metadata: &Value,
    objects: &[Value],
    version: &str,
) -> Result<Value, Status> {
    let now = server.environment().now();
    let mut table = render(&call.kind, metadata, objects, include_object(call)?, true, now);
    table["apiVersion"] = format!("meta.k8s.io/{version}").into();
    Ok(table)
}

/// A list of encoded objects. Items of built-in types leave out kind and version.
fn list_body(kind: &Kind, metadata: &Value, items: &[std::sync::Arc<StoredObject>]) -> Bytes {
    let resource = &kind.resource;
    let mut metadata = metadata.clone();
    if kind.custom && metadata.get("continue").is_none() {
        // Lists of custom resources are written from their generic form, which has the field always.
        metadata["continue"] = "".into();
    }
    let head = format!(
        "{{\"kind\":\"{}\",\"apiVersion\":\"{}\",\"metadata\":{metadata},\"items\":[",
        kind.list_kind,
        resource.api_version()
    );
    let size: usize = items.iter().map(|item| item.size() + 1).sum();
    let mut body = Vec::with_capacity(head.len() + size + 2);
    body.extend_from_slice(head.as_bytes());
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        if kind.custom {
            body.extend_from_slice(&item.bytes(kind));
        } else {
            body.push(b'{');
            body.extend_from_slice(&item.members_of(kind));
        }
    }
    body.extend_from_slice(b"]}");
    body.into()
}

fn unfit(asked: &str, what: &str, kind: &Kind, suffix: &str) -> Status {
    let message = format!(
        "you requested {asked}, but the requested object is {what} (*core.{}{suffix})",
        kind.resource.kind
    );
    Status::failure(StatusReason::NotAcceptable, message)
}
