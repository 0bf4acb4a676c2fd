//! Tables and partial metadata as answers.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kind::{Column, Kind};
use crate::kinds::field::text;

const META: &str = "meta.k8s.io/v1";

/// What each row of a Table carries beside its cells: the query parameter `includeObject`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum IncludeObject {
    /// Nothing.
    None,
    /// The object's metadata.
    #[default]
    Metadata,
    /// The whole object.
    Object,
}

impl IncludeObject {
    /// Reads the query parameter; empty is the default, `None` for an unknown word.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "" | "Metadata" => Some(Self::Metadata),
            "None" => Some(Self::None),
            "Object" => Some(Self::Object),
            _ => None,
        }
    }
}

/// A Table of `objects`. `list_metadata` is the list's (or, for one object, only its resource version);
/// `with_columns` is false for all but the first event of a watch.
pub(crate) fn render<'a>(
    kind: &Kind,
    list_metadata: &Value,
    objects: impl IntoIterator<Item = &'a Value>,
    include: IncludeObject,
    with_columns: bool,
    now: Timestamp,
) -> Value {
    let row = |object: &Value| json!({"cells": cells(kind, object, now), "object": carried(object, include)});
    let rows: Vec<_> = objects.into_iter().map(row).collect();
    let columns = if with_columns { columns(kind) } else { Value::Null };
    json!({
        "kind": "Table", "apiVersion": META, "metadata": list_metadata,
        "columnDefinitions": columns, "rows": rows,
    })
}

/// The Table of a `Scale`, the answer of the subresource.
pub(crate) fn scale_table(scale: &Value, include: IncludeObject, now: Timestamp) -> Value {
    let number = |pointer: &str| scale.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    let cells = json!([
        text(scale, "/metadata/name"),
        number("/spec/replicas"),
        number("/status/replicas"),
        super::age::of(scale, now),
    ]);
    let metadata = json!({"resourceVersion": scale["metadata"]["resourceVersion"]});
    let row = json!({"cells": cells, "object": carried(scale, include)});
    let columns = definitions(&super::columns_of("autoscaling", "scales"));
    json!({
        "kind": "Table", "apiVersion": META, "metadata": metadata, "columnDefinitions": columns, "rows": [row],
    })
}

/// What a row carries of its object.
fn carried(object: &Value, include: IncludeObject) -> Value {
    match include {
        IncludeObject::None => Value::Null,
        IncludeObject::Metadata => partial_metadata(object),
        IncludeObject::Object => object.clone(),
    }
}

fn columns(kind: &Kind) -> Value {
    if kind.columns.is_empty() { definitions(&super::columns_of("", "")) } else { definitions(&kind.columns) }
}

fn definitions(columns: &[Column]) -> Value {
    let column = |column: &Column| {
        json!({
            "name": column.name, "type": column.type_name, "format": column.format,
            "description": column.description, "priority": column.priority,
        })
    };
    columns.iter().map(column).collect()
}

fn cells(kind: &Kind, object: &Value, now: Timestamp) -> Vec<Value> {
    let cells = kind.strategy.cells(object, now);
    if !cells.is_empty() {
        return cells;
    }
    let created = text(object, "/metadata/creationTimestamp");
    let age = super::age::of(object, now);
    let name = text(object, "/metadata/name").into();
    match &*kind.resource.plural {
        // These show the time itself.
        "customresourcedefinitions" | "roles" | "clusterroles" if !kind.custom => vec![name, created.into()],
        "rolebindings" | "clusterrolebindings" if !kind.custom => {
            let role = format!("{}/{}", text(object, "/roleRef/kind"), text(object, "/roleRef/name"));
            vec![name, role.into(), age]
        }
        _ => vec![name, age],
    }
}

/// An object with nothing but its metadata.
pub(crate) fn partial_metadata(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": object.get("metadata")})
}

/// A list of objects with nothing but their metadata.
pub(crate) fn partial_metadata_list<'a>(
    list_metadata: &Value,
    objects: impl IntoIterator<Item = &'a Value>,
) -> Value {
    let items: Vec<_> = objects.into_iter().map(partial_metadata).collect();
    json!({"kind": "PartialObjectMetadataList", "apiVersion": META, "metadata": list_metadata, "items": items})
}
