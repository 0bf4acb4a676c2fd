//! The form of answer that a client accepts.

use http::HeaderMap;
use pilothouse_machinery::{Status, StatusDetails, StatusReason, protobuf};

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `application/json`.
    Json,
    /// `application/yaml`.
    Yaml,
    /// `application/vnd.kubernetes.protobuf`; never for custom resources or a `Table`.
    Protobuf,
}

/// What of an object is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Representation {
    /// All of it.
    Full,
    /// A `Table` in this version of `meta.k8s.io`.
    Table(&'static str),
    /// `PartialObjectMetadata`: its metadata.
    Metadata,
    /// `PartialObjectMetadataList`: the metadata of the items of a list.
    MetadataList,
}

/// The form in the `Accept` header that this server writes and the client likes best: by `q`, then names before
/// wildcards, then in the header's order.
///
/// `custom` types are refused in the words that extension servers use, built-in ones in those of the main server.
/// Custom resources have no protobuf; nor has a `Table`, where the server of Kubernetes fails and this one goes on to
/// the next clause.
pub(crate) fn negotiate(headers: &HeaderMap, custom: bool) -> Result<(Form, Representation), Status> {
    let values = headers.get_all(http::header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    let mut accepted: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    if accepted.iter().all(|clause| clause.is_empty()) {
        return Ok((Form::Json, Representation::Full));
    }
    accepted.sort_by_key(|clause| rank(clause));
    if let Some(found) = accepted.iter().find_map(|clause| read_clause(clause, custom)) {
        return Ok(found);
    }
    if custom {
        let message =
            "only the following media types are accepted: application/json, application/yaml".to_owned();
        return Err(Status::failure(StatusReason::NotAcceptable, message));
    }
    let mut status = Status::failure(StatusReason::NotAcceptable, "406: Not Acceptable");
    status.details = Some(StatusDetails::default());
    Err(status)
}

/// How far behind a clause stands: by its `q` in thousandths, then by its wildcards.
fn rank(clause: &str) -> (i32, usize) {
    let mut parts = clause.split(';').map(str::trim);
    let wildcards = parts.next().unwrap_or_default().matches('*').count();
    let quality = parts.find_map(|part| part.strip_prefix("q=")).and_then(|text| text.parse::<f32>().ok());
    #[expect(clippy::cast_possible_truncation, reason = "a number between 0 and 1000")]
    let thousandths = (quality.unwrap_or(1.0).clamp(0.0, 1.0) * 1000.0) as i32;
    (-thousandths, wildcards)
}

fn read_clause(clause: &str, custom: bool) -> Option<(Form, Representation)> {
    let mut parts = clause.split(';').map(str::trim);
    let form = match parts.next()? {
        "application/json" | "application/*" | "*/*" => Form::Json,
        "application/yaml" => Form::Yaml,
        protobuf::MEDIA_TYPE if !custom => Form::Protobuf,
        _ => return None,
    };
    let (mut kind, mut group, mut version) = ("", "", "");
    for parameter in parts {
        match parameter.split_once('=') {
            Some(("as", value)) => kind = value,
            Some(("g", value)) => group = value,
            Some(("v", value)) => version = value,
            Some(("stream", value)) if value != "watch" => return None,
            _ => {}
        }
    }
    let representation = match (kind, group, version) {
        ("", ..) => Representation::Full,
        ("Table", ..) if form == Form::Protobuf => return None,
        ("Table", "meta.k8s.io", "v1") => Representation::Table("v1"),
        ("Table", "meta.k8s.io", "v1beta1") => Representation::Table("v1beta1"),
        ("PartialObjectMetadata", "meta.k8s.io", "v1") => Representation::Metadata,
        ("PartialObjectMetadataList", "meta.k8s.io", "v1") => Representation::MetadataList,
        _ => return None,
    };
    Some((form, representation))
}
