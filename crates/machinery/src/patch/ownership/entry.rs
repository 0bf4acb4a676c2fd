//! The entries of `metadata.managedFields`.

use serde_json::{Map, Value, json};

use super::field_set::FieldSet;

/// Managers of updates that are kept apart; the fields of older ones are kept under one name.
const MAX_UPDATE_MANAGERS: usize = 10;
const ANCIENT: &str = "ancient-changes";

/// What a manager did to get its fields. The order is that of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    Apply,
    Update,
}

/// One manager's fields.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) manager: String,
    pub(super) operation: Operation,
    pub(super) api_version: String,
    pub(super) subresource: String,
    /// RFC 3339 with seconds.
    pub(super) time: Option<String>,
    pub(super) fields: FieldSet,
}

impl Entry {
    fn decode(entry: &Value) -> Option<Self> {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let operation = match text("operation").as_str() {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return None,
        };
        Some(Self {
            manager: text("manager"),
            operation,
            api_version: text("apiVersion"),
            subresource: text("subresource"),
            time: entry.get("time").and_then(Value::as_str).map(str::to_owned),
            fields: match entry.get("fieldsV1") {
                None | Some(Value::Null) => FieldSet::default(),
                Some(fields) => FieldSet::decode(fields)?,
            },
        })
    }

    fn encode(&self) -> Value {
        let operation = match self.operation {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        };
        let mut entry = json!({
            "manager": self.manager, "operation": operation, "apiVersion": self.api_version,
            "fieldsType": "FieldsV1", "fieldsV1": self.fields.encode(),
        });
        if let Some(time) = &self.time {
            entry["time"] = time.as_str().into();
        }
        if !self.subresource.is_empty() {
            entry["subresource"] = self.subresource.as_str().into();
        }
        entry
    }

    /// The manager as messages name it.
    pub(super) fn title(&self) -> String {
        let mut title = format!("{:?}", self.manager);
        if !self.subresource.is_empty() {
            title = format!("{title} with subresource {:?}", self.subresource);
        }
        if self.operation == Operation::Update {
            title = format!("{title} using {}", self.api_version);
        }
        title
    }
}

/// Reads `managedFields`; `None` when an entry cannot be read.
pub(super) fn decode(managed: &Value) -> Option<Vec<Entry>> {
    managed.as_array()?.iter().map(Entry::decode).collect()
}

/// The entries of an object; none when they cannot be read.
pub(super) fn entries_of(object: &Value) -> Vec<Entry> {
    object.pointer("/metadata/managedFields").and_then(decode).unwrap_or_default()
}

/// The object without its entries.
pub(super) fn stripped(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

/// Writes the entries that own anything, in their order.
pub(super) fn write(object: &mut Value, mut entries: Vec<Entry>) {
    entries.retain(|entry| !entry.fields.is_empty());
    entries.sort_by(|a, b| {
        let key = |entry: &Entry| (entry.operation, entry.time.clone(), entry.manager.clone());
        (key(a), &a.api_version, &a.subresource).cmp(&(key(b), &b.api_version, &b.subresource))
    });
    let Some(object) = object.as_object_mut() else { return };
    let metadata = object.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    let Some(metadata) = metadata.as_object_mut() else { return };
    if entries.is_empty() {
        metadata.remove("managedFields");
    } else {
        metadata.insert("managedFields".to_owned(), entries.iter().map(Entry::encode).collect());
    }
}

/// Merges the oldest managers of updates into one while there are too many.
pub(super) fn cap(entries: &mut Vec<Entry>) {
    loop {
        let updates = entries.iter().enumerate().filter(|(_, entry)| entry.operation == Operation::Update);
        let mut updates: Vec<_> = updates.map(|(index, entry)| (entry.time.clone(), index)).collect();
        if updates.len() <= MAX_UPDATE_MANAGERS {
            return;
        }
        updates.sort();
        let oldest = updates.iter().map(|(_, index)| *index).find(|index| entries[*index].manager != ANCIENT);
        let Some(oldest) = oldest else { return };
        let mut entry = entries.remove(oldest);
        let ancient = entries
            .iter_mut()
            .find(|other| other.manager == ANCIENT && other.api_version == entry.api_version);
        if let Some(ancient) = ancient {
            ancient.fields = std::mem::take(&mut ancient.fields).union(&entry.fields);
            ancient.time = entry.time;
        } else {
            ANCIENT.clone_into(&mut entry.manager);
            entry.subresource = String::new();
            entries.push(entry);
        }
    }
}
