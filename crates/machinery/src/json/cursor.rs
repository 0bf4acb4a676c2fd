//! A place in JSON text, moved over whole values.

use std::borrow::Cow;

use super::Nesting;
use super::outline::Span;

/// A place in JSON text. Every method answers `None` where the text is not what it should be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Containers whose ends are known, in the order in which they begin.
    spans: &'a [Span],
}

/// The text between the quotes of a string.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawText<'a> {
    /// The bytes as written.
    pub(crate) bytes: &'a [u8],
    /// Whether any of them is a backslash.
    pub(crate) escaped: bool,
}

impl<'a> RawText<'a> {
    /// What is written.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        if !self.escaped {
            return std::str::from_utf8(self.bytes).ok().map(Cow::Borrowed);
        }
        let quoted = [b"\"", self.bytes, b"\""].concat();
        serde_json::from_slice(&quoted).ok().map(Cow::Owned)
    }

    /// Whether it says this.
    pub(crate) fn is(self, text: &str) -> bool {
        if self.escaped {
            self.text().is_some_and(|said| said == text)
        } else {
            self.bytes == text.as_bytes()
        }
    }
}

impl<'a> Cursor<'a> {
    /// At the start of `bytes`.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self::with_spans(bytes, &[])
    }

    /// At the start of `bytes`, of which the ends of some containers are known.
    pub(crate) fn with_spans(bytes: &'a [u8], spans: &'a [Span]) -> Self {
        Self { bytes, at: 0, spans }
    }

    /// How many bytes are behind.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The next byte that is not white space, without moving beyond it.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Moves over `byte`, if it is next.
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let next = self.peek() == Some(byte);
        self.at += usize::from(next);
        next
    }

    /// Moves over a string.
    pub(crate) fn string(&mut self) -> Option<RawText<'a>> {
        if !self.take(b'"') {
            return None;
        }
        let (start, mut escaped) = (self.at, false);
        loop {
            let rest = self.bytes.get(self.at..)?;
            let found = memchr::memchr2(b'"', b'\\', rest)?;
            self.at += found + 1;
            if rest[found] == b'"' {
                return Some(RawText { bytes: &self.bytes[start..self.at - 1], escaped });
            }
            escaped = true;
            self.at += 1;
        }
    }

    /// Moves over a value of any kind; its bytes.
    pub(crate) fn value(&mut self) -> Option<&'a [u8]> {
        let first = self.peek()?;
        let start = self.at;
        match first {
            b'"' => {
                self.string()?;
            }
            b'{' | b'[' => self.at = self.container_end()?,
            _ => {
                let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
                let rest = &self.bytes[start..];
                self.at += rest.iter().position(ends).unwrap_or(rest.len());
            }
        }
        Some(&self.bytes[start..self.at])
    }

    fn container_end(&mut self) -> Option<usize> {
        while let Some((span, later)) = self.spans.split_first() {
            if span.open == self.at {
                return Some(span.close + 1);
            }
            if span.open > self.at {
                break;
            }
            self.spans = later;
        }
        Some(self.at + Nesting::default().end(self.bytes.get(self.at..)?)?)
    }

    /// Moves over the opening brace of an object, or from one of its members to the next: the key of that, with the
    /// cursor at its value. `None` at the object's end, which the cursor is then behind.
    pub(crate) fn key(&mut self) -> Option<RawText<'a>> {
        let first = self.peek()?;
        if !matches!(first, b'{' | b',' | b'}') {
            return None;
        }
        self.at += 1;
        if first == b'}' || (first == b'{' && self.take(b'}')) {
            return None;
        }
        let key = self.string()?;
        self.take(b':').then_some(key)
    }
}
