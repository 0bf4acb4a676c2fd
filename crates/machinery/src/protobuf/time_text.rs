//! Times of the wire as JSON writes them.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

use super::error::WireError;
use super::wire::Reader;

const SECONDS: DateTimePrinter = DateTimePrinter::new().precision(Some(0));
const MICROSECONDS: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

/// The seconds that can be written: from the year 1, as RFC 3339 has no year before it that JSON readers take, to what
/// [`Timestamp`] holds, a day before the year 10000.
const WRITABLE: std::ops::Range<i64> = -62_135_596_800..253_402_207_201;

/// The text of one time, without memory of its own.
#[derive(Debug)]
pub(super) struct TimeText {
    bytes: [u8; 40],
    length: usize,
}

impl TimeText {
    /// Reads a `Timestamp` message; `None` when it is empty, which stands for no time.
    pub(super) fn read(message: &[u8], micros: bool) -> Result<Option<Self>, WireError> {
        let Some((seconds, nanoseconds)) = parts(message)? else { return Ok(None) };
        let time = Timestamp::new(seconds, nanoseconds).map_err(|_| WireError::BadTime)?;
        let mut text = Self { bytes: [0; 40], length: 0 };
        let printer = if micros { &MICROSECONDS } else { &SECONDS };
        printer.print_timestamp(&time, &mut text).map_err(|_| WireError::BadTime)?;
        Ok(Some(text))
    }

    /// Whether [`TimeText::read`] reads it.
    pub(super) fn check(message: &[u8]) -> Result<(), WireError> {
        parts(message).map(|_| ())
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

/// Seconds and nanoseconds of a `Timestamp` message; `None` when it is empty.
pub(crate) fn parts(message: &[u8]) -> Result<Option<(i64, i32)>, WireError> {
    if message.is_empty() {
        return Ok(None);
    }
    let (mut seconds, mut nanoseconds) = (0, 0);
    let mut reader = Reader::new(message);
    while let Some((tag, value)) = reader.next()? {
        match tag {
            1 => seconds = value.int64()?,
            2 => nanoseconds = value.int32()?,
            _ => {}
        }
    }
    if !(0..1_000_000_000).contains(&nanoseconds) || !WRITABLE.contains(&seconds) {
        return Err(WireError::BadTime);
    }
    Ok(Some((seconds, nanoseconds)))
}

impl jiff::fmt::Write for TimeText {
    fn write_str(&mut self, text: &str) -> Result<(), jiff::Error> {
        let end = self.length + text.len();
        let room = self.bytes.get_mut(self.length..end);
        let room = room.ok_or_else(|| jiff::Error::from_args(format_args!("a time is too long")))?;
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}
