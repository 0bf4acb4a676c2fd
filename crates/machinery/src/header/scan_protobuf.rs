//! The scan of a protobuf message: bytes of one object in, header out.

use std::ops::Range;

use super::{ObjectHeader, OwnerFields, ScanError, ScanFailure, ScannedObject, Scanner, Uid};
use crate::protobuf::layout::{Layout, Slot};
use crate::protobuf::time_text;
use crate::protobuf::validate;
use crate::protobuf::wire::{Reader, WireValue};
use crate::protobuf::{DecodeError, WireError};
use crate::schema::MessageType;
use crate::{ObjectKey, ResourceVersion};

/// `ObjectMeta.managedFields`.
pub(super) const MANAGED_FIELDS: u32 = 17;

/// Every built-in kind has its metadata here.
pub(super) const METADATA: u32 = 1;

impl Scanner {
    /// Reads the header of the object whose message this is, and validates the rest without building it: lengths, wire
    /// types, texts, times and depth, as far as the table knows the fields.
    ///
    /// The message must have `metadata.name`. It says neither `apiVersion` nor kind, so those are `None`: what is
    /// around a message (a list's envelope, a watch event) names them.
    pub fn scan_protobuf(
        &mut self,
        message: &[u8],
        message_type: &MessageType,
    ) -> Result<ScannedObject, ScanError> {
        let mut metadata = Metadata::default();
        let outcome = read(message, message_type, &mut metadata);
        let key = (!metadata.name.is_empty()).then(|| ObjectKey {
            namespace: self.interner.text(metadata.namespace),
            name: metadata.name.into(),
        });
        if let Err(error) = outcome {
            return Err(ScanError::new(ScanFailure::Protobuf(error), key));
        }
        let Some(key) = key else { return Err(ScanError::new(ScanFailure::Nameless, None)) };
        let manager = metadata.first_manager.map(|manager| self.interner.text(manager.name));
        let header = ObjectHeader {
            key,
            uid: Uid::parse(metadata.uid),
            resource_version: match metadata.resource_version {
                "" => ResourceVersion::ZERO,
                text => ResourceVersion::parse(text),
            },
            generation: metadata.generation,
            labels: self.interner.labels(&mut metadata.labels),
            owners: self.interner.owners(&metadata.owners),
            first_manager: manager,
            deleting: metadata.deleting,
        };
        Ok(ScannedObject { header, api_version: None, kind: None, managed_fields: metadata.managed_fields })
    }
}

/// What is read of the metadata, still a part of the message.
#[derive(Debug, Default)]
struct Metadata<'a> {
    name: &'a str,
    namespace: &'a str,
    uid: &'a str,
    resource_version: &'a str,
    generation: i64,
    labels: Vec<(&'a str, &'a str)>,
    owners: Vec<OwnerFields<'a>>,
    first_manager: Option<Manager<'a>>,
    deleting: bool,
    /// From the first entry to the last.
    managed_fields: Option<Range<usize>>,
}

/// An entry of `managedFields`, without the fields.
#[derive(Clone, Copy, Debug, Default)]
struct Manager<'a> {
    name: &'a str,
    seconds: Option<i64>,
    subresource: &'a str,
}

impl Manager<'_> {
    /// Orders by time; those without come last. Within one second, who wrote the status came later.
    fn order(&self) -> (bool, Option<i64>, bool) {
        (self.seconds.is_none(), self.seconds, !self.subresource.is_empty())
    }
}

fn read<'a>(
    message: &'a [u8],
    message_type: &MessageType,
    metadata: &mut Metadata<'a>,
) -> Result<(), DecodeError> {
    let name = || DecodeError::UnknownType { name: message_type.name.to_string() };
    let layout = Layout::of(message_type).ok_or_else(name)?;
    let mut reader = Reader::new(message);
    while let Some((tag, value)) = reader.next()? {
        let Some((_, slot)) = layout.tagged(tag) else { continue };
        match slot.inner().filter(|_| tag == METADATA && slot.name == "metadata") {
            Some(inner) if inner.tagged(MANAGED_FIELDS).is_some() => {
                let end = message.len() - reader.rest().len();
                metadata.read(value, inner, end).map_err(|error| error.within("metadata"))?;
            }
            _ => validate::field(slot, value, 0)?,
        }
    }
    Ok(())
}

impl<'a> Metadata<'a> {
    /// Reads the metadata, or a piece of it; `end` is where it ends in the whole message.
    fn read(&mut self, value: WireValue<'a>, layout: &Layout, end: usize) -> Result<(), DecodeError> {
        let mut reader = Reader::new(value.bytes()?);
        loop {
            let start = end - reader.rest().len();
            let Some((tag, value)) = reader.next()? else { return Ok(()) };
            let Some((_, slot)) = layout.tagged(tag) else { continue };
            if tag == MANAGED_FIELDS {
                let here = start..end - reader.rest().len();
                let first = self.managed_fields.as_ref().map_or(here.start, |range| range.start);
                self.managed_fields = Some(first..here.end);
            }
            self.field(tag, slot, value).map_err(|error| error.within(slot.name))?;
        }
    }

    fn field(&mut self, tag: u32, slot: &Slot, value: WireValue<'a>) -> Result<(), DecodeError> {
        match tag {
            1 => self.name = value.text()?,
            3 => self.namespace = value.text()?,
            5 => self.uid = value.text()?,
            6 => self.resource_version = value.text()?,
            7 => self.generation = value.int64()?,
            9 => self.deleting = time_text::parts(value.bytes()?)?.is_some(),
            11 => self.labels.push(pair(value)?),
            13 => self.owners.push(owner(value)?),
            MANAGED_FIELDS => {
                let manager = manager(value)?;
                let earlier = self.first_manager.is_none_or(|first| manager.order() < first.order());
                if earlier && !manager.name.is_empty() {
                    self.first_manager = Some(manager);
                }
            }
            _ => return validate::value(slot, value, 1),
        }
        Ok(())
    }
}

fn pair(entry: WireValue<'_>) -> Result<(&str, &str), WireError> {
    let (mut key, mut value) = ("", "");
    let mut reader = Reader::new(entry.bytes()?);
    while let Some((tag, found)) = reader.next()? {
        match tag {
            1 => key = found.text()?,
            2 => value = found.text()?,
            _ => {}
        }
    }
    Ok((key, value))
}

fn owner(message: WireValue<'_>) -> Result<OwnerFields<'_>, WireError> {
    let mut owner = OwnerFields::default();
    let mut reader = Reader::new(message.bytes()?);
    while let Some((tag, value)) = reader.next()? {
        match tag {
            1 => owner.kind = value.text()?,
            3 => owner.name = value.text()?,
            4 => owner.uid = value.text()?,
            5 => owner.api_version = value.text()?,
            6 => owner.controller = value.varint()? != 0,
            7 => value.varint().map(|_| ())?,
            _ => {}
        }
    }
    Ok(owner)
}

/// Reads an entry of `managedFields`. Its fields are not looked at: nobody keeps them.
fn manager(message: WireValue<'_>) -> Result<Manager<'_>, WireError> {
    let mut manager = Manager::default();
    let mut reader = Reader::new(message.bytes()?);
    while let Some((tag, value)) = reader.next()? {
        match tag {
            1 => manager.name = value.text()?,
            4 => manager.seconds = time_text::parts(value.bytes()?)?.map(|(seconds, _)| seconds),
            8 => manager.subresource = value.text()?,
            2 | 3 | 6 => validate::text(value)?,
            _ => {}
        }
    }
    Ok(manager)
}
