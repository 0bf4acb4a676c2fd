//! Reading the header out of an object whose outline is known.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Interner, LabelSet, ObjectHeader, OwnerFields, OwnerHeader, ScannedObject, Uid};
use crate::json::{Cursor, Outline};
use crate::{ObjectKey, ResourceVersion};

/// What was read of an object so far.
#[derive(Debug, Default)]
struct Fields<'a> {
    api_version: Option<&'a str>,
    kind: Option<&'a str>,
    has_metadata: bool,
    namespace: Option<&'a str>,
    name: Option<&'a str>,
    uid: Option<&'a str>,
    resource_version: Option<&'a str>,
    generation: Option<i64>,
    deletion_timestamp: Option<&'a str>,
    labels: Option<Arc<LabelSet>>,
    owners: Option<Arc<[OwnerHeader]>>,
    cut: Option<std::ops::Range<usize>>,
    first_manager: Option<Arc<str>>,
}

/// Reads the header of `json`, which `outline` found valid. `None` when anything is unusual: a field
/// twice, null or of a type that does not fit, texts with escapes, no name. Then a parser has to look,
/// which also knows what to say of it.
pub(super) fn read(json: &[u8], outline: &Outline, interner: &mut Interner) -> Option<ScannedObject> {
    let mut cursor = Cursor::with_spans(json, outline.spans());
    let mut fields = Fields::default();
    while let Some(key) = cursor.key() {
        if key.escaped {
            return None;
        }
        match key.bytes {
            b"apiVersion" => set(&mut fields.api_version, text(&mut cursor)?)?,
            b"kind" => set(&mut fields.kind, text(&mut cursor)?)?,
            b"metadata" if !fields.has_metadata => {
                fields.has_metadata = true;
                fields.metadata(&mut cursor, interner)?;
            }
            b"metadata" => return None,
            _ => {
                cursor.value()?;
            }
        }
    }
    (cursor.at() == json.len()).then_some(())?;
    fields.finish(interner)
}

/// Sets what must not be set yet.
fn set<T>(field: &mut Option<T>, value: T) -> Option<()> {
    field.replace(value).is_none().then_some(())
}

/// The text at the cursor.
fn text<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let text = cursor.string().filter(|text| !text.escaped)?;
    std::str::from_utf8(text.bytes).ok()
}

fn null(cursor: &mut Cursor<'_>) -> Option<()> {
    (cursor.value()? == b"null").then_some(())
}

impl<'a> Fields<'a> {
    fn metadata(&mut self, cursor: &mut Cursor<'a>, interner: &mut Interner) -> Option<()> {
        if cursor.peek()? != b'{' {
            return None;
        }
        while let Some(key) = cursor.key() {
            if key.escaped {
                return None;
            }
            match key.bytes {
                b"namespace" => set(&mut self.namespace, text(cursor)?)?,
                b"name" => set(&mut self.name, text(cursor)?)?,
                b"uid" => set(&mut self.uid, text(cursor)?)?,
                b"resourceVersion" => set(&mut self.resource_version, text(cursor)?)?,
                b"deletionTimestamp" => set(&mut self.deletion_timestamp, text(cursor)?)?,
                b"generation" => {
                    let number = std::str::from_utf8(cursor.value()?).ok()?.parse().ok()?;
                    set(&mut self.generation, number)?;
                }
                b"labels" => set(&mut self.labels, labels(cursor, interner)?)?,
                b"ownerReferences" => set(&mut self.owners, owners(cursor, interner)?)?,
                b"managedFields" => {
                    cursor.peek()?;
                    let start = cursor.at();
                    let mut entries = *cursor;
                    cursor.value()?;
                    set(&mut self.cut, start..cursor.at())?;
                    self.first_manager = first_manager(&mut entries).map(|name| interner.text(&name));
                }
                _ => {
                    cursor.value()?;
                }
            }
        }
        Some(())
    }

    fn finish(self, interner: &mut Interner) -> Option<ScannedObject> {
        let name = self.name.filter(|name| !name.is_empty())?;
        let namespace = interner.text(self.namespace.unwrap_or_default());
        let header = ObjectHeader {
            key: ObjectKey { namespace, name: name.into() },
            uid: Uid::parse(self.uid.unwrap_or_default()),
            resource_version: self.resource_version.map_or(ResourceVersion::ZERO, ResourceVersion::parse),
            generation: self.generation.unwrap_or_default(),
            labels: self.labels.unwrap_or_else(|| interner.labels(&mut [])),
            owners: self.owners.unwrap_or_else(|| interner.owners(&[])),
            first_manager: self.first_manager,
            deleting: self.deletion_timestamp.is_some(),
        };
        Some(ScannedObject {
            header,
            api_version: self.api_version.map(|text| interner.text(text)),
            kind: self.kind.map(|text| interner.text(text)),
            managed_fields: self.cut,
        })
    }
}

fn labels(cursor: &mut Cursor<'_>, interner: &mut Interner) -> Option<Arc<LabelSet>> {
    if cursor.peek()? != b'{' {
        return null(cursor).map(|()| interner.labels(&mut []));
    }
    // On the stack: objects have few labels.
    let (mut few, mut count, mut many) = ([("", ""); 16], 0, Vec::new());
    while let Some(key) = cursor.key() {
        let key = if key.escaped { None } else { std::str::from_utf8(key.bytes).ok() };
        let pair = (key?, text(cursor)?);
        match few.get_mut(count) {
            Some(free) => *free = pair,
            None => many.push(pair),
        }
        count += 1;
    }
    if many.is_empty() {
        return Some(interner.labels(&mut few[..count]));
    }
    many.splice(0..0, few);
    Some(interner.labels(&mut many))
}

fn owners(cursor: &mut Cursor<'_>, interner: &mut Interner) -> Option<Arc<[OwnerHeader]>> {
    if !cursor.take(b'[') {
        return null(cursor).map(|()| interner.owners(&[]));
    }
    if cursor.take(b']') {
        return Some(interner.owners(&[]));
    }
    let first = owner(cursor)?;
    if cursor.take(b']') {
        return Some(interner.owners(&[first]));
    }
    let mut all = vec![first];
    while cursor.take(b',') {
        all.push(owner(cursor)?);
    }
    cursor.take(b']').then(|| interner.owners(&all))
}

fn owner<'a>(cursor: &mut Cursor<'a>) -> Option<OwnerFields<'a>> {
    if cursor.peek()? != b'{' {
        return None;
    }
    let [mut api_version, mut kind, mut name, mut uid] = [None; 4];
    let mut controller = None;
    while let Some(key) = cursor.key() {
        let field = match key.bytes {
            _ if key.escaped => return None,
            b"apiVersion" => &mut api_version,
            b"kind" => &mut kind,
            b"name" => &mut name,
            b"uid" => &mut uid,
            b"controller" => {
                let value = cursor.value()?;
                matches!(value, b"true" | b"false").then_some(())?;
                set(&mut controller, value == b"true")?;
                continue;
            }
            _ => {
                cursor.value()?;
                continue;
            }
        };
        set(field, text(cursor)?)?;
    }
    Some(OwnerFields {
        api_version: api_version.unwrap_or_default(),
        kind: kind.unwrap_or_default(),
        name: name.unwrap_or_default(),
        uid: uid.unwrap_or_default(),
        controller: controller.unwrap_or_default(),
    })
}

/// An entry of `managedFields`, without the fields.
#[derive(Debug, Default)]
struct Manager<'a> {
    name: Option<Cow<'a, str>>,
    time: Option<Cow<'a, str>>,
    subresource: Option<Cow<'a, str>>,
}

/// The manager of the earliest entry; `None` when the value is not a list of entries that name one.
fn first_manager<'a>(cursor: &mut Cursor<'a>) -> Option<Cow<'a, str>> {
    let mut first: Option<Manager<'a>> = None;
    if !cursor.take(b'[') || cursor.take(b']') {
        return None;
    }
    loop {
        let entry = manager(cursor)?;
        let is_named = entry.name.as_deref().is_some_and(|name| !name.is_empty());
        if is_named && first.as_ref().is_none_or(|first| entry.order() < first.order()) {
            first = Some(entry);
        }
        if cursor.take(b']') {
            return first?.name;
        }
        if !cursor.take(b',') {
            return None;
        }
    }
}

fn manager<'a>(cursor: &mut Cursor<'a>) -> Option<Manager<'a>> {
    let mut entry = Manager::default();
    if cursor.peek()? != b'{' {
        return None;
    }
    while let Some(key) = cursor.key() {
        let field = match key.bytes {
            b"manager" => &mut entry.name,
            b"time" => &mut entry.time,
            b"subresource" => &mut entry.subresource,
            _ => {
                cursor.value()?;
                continue;
            }
        };
        if cursor.peek()? == b'n' {
            null(cursor)?;
        } else {
            set(field, cursor.string()?.text()?)?;
        }
    }
    Some(entry)
}

impl Manager<'_> {
    /// Orders by time; those without come last. Within one second, who wrote the status came later.
    fn order(&self) -> (bool, Option<&str>, bool) {
        // The server writes all times alike, in UTC and whole seconds, so that their texts order as they do.
        let (time, subresource) = (self.time.as_deref(), self.subresource.as_deref());
        (time.is_none(), time, subresource.is_some_and(|subresource| !subresource.is_empty()))
    }
}
