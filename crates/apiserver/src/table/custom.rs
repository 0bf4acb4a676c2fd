//! Cells of custom resources, from the `additionalPrinterColumns` of their definition.

use jiff::Timestamp;
use serde_json::Value;

use super::age;
use super::json_path::JsonPath;
use crate::kind::Column;
use crate::kinds::field::{list, number, text};

/// One printer column of a definition.
#[derive(Clone, Debug)]
pub(crate) struct PrinterColumn {
    type_name: String,
    path: Option<JsonPath>,
}

/// The columns of a definition's version, with the name first; the age when it names none.
pub(crate) fn columns(version: &Value) -> (Vec<Column>, Vec<PrinterColumn>) {
    let column = |name: &str, type_name: &str, format: &str, description: &str, priority: i64| Column {
        name: name.to_owned().into(),
        type_name: type_name.to_owned().into(),
        format: format.to_owned().into(),
        description: description.to_owned().into(),
        priority: u32::try_from(priority).unwrap_or(0),
    };
    let mut columns = vec![column("Name", "string", "name", "Name of the object.", 0)];
    let mut printers = Vec::new();
    for given in list(version, "/additionalPrinterColumns") {
        let type_name = text(given, "/type");
        let priority = number(given, "/priority").unwrap_or(0);
        let described = match text(given, "/description") {
            "" => format!(
                "Custom resource definition column (in JSONPath format): {}",
                text(given, "/jsonPath")
            ),
            text => text.to_owned(),
        };
        columns.push(column(text(given, "/name"), type_name, text(given, "/format"), &described, priority));
        let path = JsonPath::parse(text(given, "/jsonPath"));
        printers.push(PrinterColumn { type_name: type_name.into(), path });
    }
    if printers.is_empty() {
        columns.push(column("Age", "date", "", "Time since the object was created.", 0));
        let path = JsonPath::parse(".metadata.creationTimestamp");
        printers.push(PrinterColumn { type_name: "date".into(), path });
    }
    (columns, printers)
}

/// The cells of a custom resource's row.
pub(crate) fn cells(object: &Value, printers: &[PrinterColumn], now: Timestamp) -> Vec<Value> {
    let mut cells = vec![text(object, "/metadata/name").into()];
    for printer in printers {
        let found = printer.path.as_ref().map(|path| path.find(object)).unwrap_or_default();
        cells.push(cell(&printer.type_name, &found, now));
    }
    cells
}

fn cell(type_name: &str, found: &[&Value], now: Timestamp) -> Value {
    let Some(first) = found.first() else { return Value::Null };
    match (type_name, first) {
        ("string", _) => {
            let texts: Vec<_> =
                found.iter().filter(|value| !value.is_null()).map(|value| print(value)).collect();
            if texts.is_empty() { Value::Null } else { texts.join(" ").into() }
        }
        ("integer", Value::Number(number)) => match number.as_i64().or_else(|| truncated(number.as_f64())) {
            Some(number) => number.into(),
            None => Value::Null,
        },
        ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => (*first).clone(),
        ("date", Value::String(_)) => match age::time(Some(first)) {
            Some(_) => age::since(Some(first), now).into(),
            None => "<invalid>".into(),
        },
        _ => Value::Null,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the whole part is what an integer column shows")]
fn truncated(number: Option<f64>) -> Option<i64> {
    number.map(|number| number as i64)
}

fn print(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_take_the_type_of_their_column_and_missing_values_are_null() {
        let version = json!({"additionalPrinterColumns": [
            {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
            {"name": "Phase", "type": "string", "jsonPath": ".status.phase", "priority": 1},
            {"name": "Tags", "type": "string", "jsonPath": ".spec.tags[*]"},
            {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}]});
        let (columns, printers) = columns(&version);
        let names: Vec<_> = columns.iter().map(|column| column.name.as_ref()).collect();
        assert_eq!((names, columns[2].priority), (vec!["Name", "Size", "Phase", "Tags", "Age"], 1));
        let object = json!({"metadata": {"name": "w", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"size": 3, "tags": ["a", "b"]}});
        let now = "2026-01-01T00:00:05Z".parse().unwrap();
        let expected = [json!("w"), json!(3), Value::Null, json!("a b"), json!("5s")];
        assert_eq!(cells(&object, &printers, now), expected);
    }
}
