//! Times of the wire as JSON writes them.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

use super::error::WireError;
use super::wire::Reader;

const SECONDS: DateTimePrinter = DateTimePrinter::new().precision(Some(0));
const MICROSECONDS: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

/// Seconds of the year 1 and of the year 10000: the times that RFC 3339 can write.
const WRITABLE: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;

/// The text of one time, without memory of its own.
#[derive(Debug)]
pub(super) struct TimeText {
    bytes: [u8; 40],
    length: usize,
}

impl TimeText {
    /// Reads a `Timestamp` message; `None` when it is empty, which stands for no time.
    pub(super) fn read(message: &[u8], micros: bool) -> Result<Option<Self>, WireError> {
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
        let time = Timestamp::new(seconds, nanoseconds).map_err(|_| WireError::BadTime)?;
        let mut text = Self { bytes: [0; 40], length: 0 };
        let printer = if micros { &MICROSECONDS } else { &SECONDS };
        printer.print_timestamp(&time, &mut text).map_err(|_| WireError::BadTime)?;
        Ok(Some(text))
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
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
