//! List bodies: an envelope around items.

use bytes::{Bytes, BytesMut};
use serde::Deserialize;

use super::{FramingError, FramingLimits};
use crate::json;

/// Splits the body of a list into its items.
///
/// **Guarantees.** Items come out in order, each as soon as its last byte is in, as a slice of the chunk where
/// it lies within one. The keys of the list may be in any order; `items` may be `null` or empty. Items are
/// objects with balanced brackets; what is between those is for a later scan to validate.
#[derive(Debug)]
pub struct ListSplitter {
    limits: FramingLimits,
    /// Everything but the items.
    envelope: Vec<u8>,
    /// The start of an item that began in an earlier chunk.
    partial: BytesMut,
    offset: u64,
    place: Place,
    /// In the envelope.
    nesting: Nesting,
    /// In the present item.
    item: json::Nesting,
    /// Where in the envelope the key of the outermost object begins that was read last.
    key_start: usize,
    seen_items: bool,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the opening brace.
    Start,
    /// The envelope. In its outermost object: whether a key may come.
    Envelope { key_next: bool },
    /// The key of an entry of the outermost object.
    Key,
    /// Between the key `items` and its colon.
    BeforeColon,
    /// Between the colon and the value of `items`.
    BeforeItems,
    /// In the array of items, outside of one.
    Items { after: After },
    /// In an item.
    Item,
    /// After the closing brace.
    End,
}

/// What was before the present place in the array of items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Bracket,
    Item,
    Comma,
}

/// Brackets and strings around the next byte.
#[derive(Clone, Copy, Debug, Default)]
struct Nesting {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

/// What a list says beside its items.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListEnvelope {
    /// `JobList`, `Table`, `Status`, ...
    pub kind: Option<String>,
    /// The `apiVersion`.
    pub api_version: Option<String>,
    /// The list's metadata.
    pub metadata: ListMetadata,
}

/// The metadata of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListMetadata {
    /// The version of the state that the list shows.
    pub resource_version: Option<String>,
    /// The token that asks for the next page; empty or absent on the last.
    #[serde(rename = "continue")]
    pub continue_token: Option<String>,
    /// How many items follow on later pages, where the server knows.
    pub remaining_item_count: Option<u64>,
}

impl Nesting {
    /// Takes one byte; whether it closed the outermost bracket.
    fn take(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

impl ListSplitter {
    /// A splitter at the start of a body.
    #[must_use]
    pub fn new(limits: FramingLimits) -> Self {
        Self {
            limits,
            envelope: Vec::new(),
            partial: BytesMut::new(),
            offset: 0,
            place: Place::Start,
            nesting: Nesting::default(),
            item: json::Nesting::default(),
            key_start: 0,
            seen_items: false,
        }
    }

    /// Takes the next chunk and appends the items it completes to `items`, which keeps those before an error.
    pub fn push(&mut self, chunk: &Bytes, items: &mut Vec<Bytes>) -> Result<(), FramingError> {
        let mut at = 0;
        while at < chunk.len() {
            at = if self.place == Place::Item {
                self.item(chunk, at, items)?
            } else {
                self.around(chunk[at]).map_err(|expected| FramingError::Unexpected {
                    expected,
                    offset: self.offset + at as u64,
                })?;
                // The byte that opens an item is also its first.
                if self.place == Place::Item { at } else { at + 1 }
            };
            if self.envelope.len() > self.limits.envelope {
                return Err(FramingError::TooLarge { what: "envelope", limit: self.limits.envelope });
            }
        }
        self.offset += chunk.len() as u64;
        Ok(())
    }

    /// Ends the body and reads what was around the items. A body that is not complete is an error, so that a
    /// list cut short is never taken for a short list (conformance J5); nor is a body without `items`, such as a
    /// `Status` behind a proxy's 200, ever taken for an empty one.
    pub fn finish(self) -> Result<ListEnvelope, FramingError> {
        if self.place != Place::End {
            return Err(FramingError::Truncated);
        }
        let envelope: ListEnvelope =
            serde_json::from_slice(&self.envelope).map_err(FramingError::Envelope)?;
        if !self.seen_items {
            return Err(FramingError::NotAList { kind: envelope.kind.unwrap_or_default() });
        }
        Ok(envelope)
    }

    /// Takes bytes of an item, from `start`; where it stopped.
    fn item(&mut self, chunk: &Bytes, start: usize, items: &mut Vec<Bytes>) -> Result<usize, FramingError> {
        let end = self.item.end(&chunk[start..]);
        let at = end.map_or(chunk.len(), |end| start + end);
        if self.partial.len() + (at - start) > self.limits.object {
            return Err(FramingError::TooLarge { what: "object", limit: self.limits.object });
        }
        if end.is_none() {
            self.partial.extend_from_slice(&chunk[start..at]);
        } else if self.partial.is_empty() {
            items.push(chunk.slice(start..at));
        } else {
            self.partial.extend_from_slice(&chunk[start..at]);
            items.push(self.partial.split().freeze());
        }
        if end.is_some() {
            self.place = Place::Items { after: After::Item };
        }
        Ok(at)
    }

    /// Takes one byte outside of items; what was expected instead where it cannot be there.
    fn around(&mut self, byte: u8) -> Result<(), &'static str> {
        let space = byte.is_ascii_whitespace();
        match self.place {
            Place::Start | Place::End if space => return Ok(()),
            Place::Start if byte == b'{' => {
                self.nesting.take(byte);
                self.place = Place::Envelope { key_next: true };
            }
            Place::Start => return Err("an object"),
            Place::Envelope { key_next } => self.in_envelope(byte, key_next),
            Place::Key => {
                self.nesting.take(byte);
                if !self.nesting.in_string {
                    self.place = self.after_key(byte);
                }
            }
            Place::BeforeColon if byte == b':' => {
                if std::mem::replace(&mut self.seen_items, true) {
                    return Err("only one list of items");
                }
                self.place = Place::BeforeItems;
            }
            Place::BeforeColon if !space => return Err("a colon"),
            Place::BeforeItems if byte == b'[' => self.place = Place::Items { after: After::Bracket },
            Place::BeforeItems if byte == b'n' => self.place = Place::Envelope { key_next: false },
            Place::BeforeItems if !space => return Err("an array of items"),
            Place::BeforeColon | Place::BeforeItems | Place::Item => {}
            Place::Items { after } => return self.between_items(byte, after),
            Place::End => return Err("the end of the body"),
        }
        self.envelope.push(byte);
        Ok(())
    }

    fn in_envelope(&mut self, byte: u8, key_next: bool) {
        let outermost = self.nesting.depth == 1 && !self.nesting.in_string;
        if self.nesting.take(byte) {
            self.place = Place::End;
        } else if outermost && byte == b',' {
            self.place = Place::Envelope { key_next: true };
        } else if outermost && key_next && byte == b'"' {
            self.key_start = self.envelope.len();
            self.place = Place::Key;
        }
    }

    /// The place after a key whose closing quote is `quote`.
    fn after_key(&self, quote: u8) -> Place {
        let mut key = self.envelope[self.key_start..].to_vec();
        key.push(quote);
        // Read as JSON, because a key may be written with escapes.
        match serde_json::from_slice::<String>(&key) {
            Ok(key) if key == "items" => Place::BeforeColon,
            _ => Place::Envelope { key_next: false },
        }
    }

    fn between_items(&mut self, byte: u8, after: After) -> Result<(), &'static str> {
        match (byte, after) {
            (b'{', After::Bracket | After::Comma) => {
                self.item = json::Nesting::default();
                self.place = Place::Item;
            }
            (b',', After::Item) => self.place = Place::Items { after: After::Comma },
            (b']', After::Bracket | After::Item) => {
                self.envelope.push(byte);
                self.nesting = Nesting { depth: 1, ..Nesting::default() };
                self.place = Place::Envelope { key_next: false };
            }
            _ if byte.is_ascii_whitespace() => {}
            (_, After::Item) => return Err("a comma or the end of the items"),
            _ => return Err("an item"),
        }
        Ok(())
    }
}
