//! The wire format of protobuf: tagged values one after the other.

use super::error::WireError;

/// Levels of nesting that are read or written.
pub(crate) const MAX_DEPTH: usize = 100;

pub(crate) const VARINT: u8 = 0;
pub(crate) const FIXED64: u8 = 1;
pub(crate) const LENGTH: u8 = 2;
const FIXED32: u8 = 5;

/// One value as it stands on the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) enum WireValue<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32,
}

impl<'a> WireValue<'a> {
    fn wire_type(self) -> u8 {
        match self {
            Self::Varint(_) => VARINT,
            Self::Fixed64(_) => FIXED64,
            Self::Bytes(_) => LENGTH,
            Self::Fixed32 => FIXED32,
        }
    }

    pub(crate) fn bytes(self) -> Result<&'a [u8], WireError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            other => Err(WireError::WireType { expected: LENGTH, found: other.wire_type() }),
        }
    }

    pub(crate) fn text(self) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| WireError::NotUtf8)
    }

    pub(crate) fn varint(self) -> Result<u64, WireError> {
        match self {
            Self::Varint(number) => Ok(number),
            other => Err(WireError::WireType { expected: VARINT, found: other.wire_type() }),
        }
    }

    /// A signed number, which the wire carries in two's complement.
    pub(crate) fn int64(self) -> Result<i64, WireError> {
        Ok(self.varint()?.cast_signed())
    }

    /// The low half, as other readers take it.
    #[expect(clippy::cast_possible_truncation, reason = "protobuf defines int32 as the low 32 bits")]
    pub(crate) fn int32(self) -> Result<i32, WireError> {
        Ok(self.varint()? as i32)
    }

    pub(crate) fn double(self) -> Result<f64, WireError> {
        match self {
            Self::Fixed64(bits) => Ok(f64::from_bits(bits)),
            other => Err(WireError::WireType { expected: FIXED64, found: other.wire_type() }),
        }
    }
}

/// Reads the tagged values of one message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The bytes that are left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next field number and value; `None` at the end.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<(u32, WireValue<'a>)>, WireError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let head = self.number()?;
        let tag = u32::try_from(head >> 3).map_err(|_| WireError::BadFieldNumber)?;
        if tag == 0 || tag >= 1 << 29 {
            return Err(WireError::BadFieldNumber);
        }
        let value = match head & 7 {
            0 => WireValue::Varint(self.number()?),
            1 => WireValue::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = usize::try_from(self.number()?).map_err(|_| WireError::Truncated)?;
                WireValue::Bytes(self.take(length)?)
            }
            5 => {
                self.array::<4>()?;
                WireValue::Fixed32
            }
            // Groups (3, 4) are not used by Kubernetes; 6 and 7 do not exist.
            found => return Err(WireError::WireType { expected: LENGTH, found: found.to_le_bytes()[0] }),
        };
        Ok(Some((tag, value)))
    }

    /// A variable-length number: seven bits a byte, least significant first.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<u64, WireError> {
        if let Some((byte, rest)) = self.rest.split_first().filter(|(byte, _)| **byte < 0x80) {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        self.long_number()
    }

    fn long_number(&mut self) -> Result<u64, WireError> {
        let mut number = 0;
        for shift in (0..70).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(WireError::Truncated)?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(WireError::LongNumber)
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }
}

/// Writes the tagged values of one message.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { bytes: Vec::with_capacity(capacity) }
    }

    /// The beginning of a field that has a length.
    pub(crate) fn head(&mut self, tag: u32, length: usize) {
        self.number(u64::from(tag) << 3 | u64::from(LENGTH));
        self.number(length as u64);
    }

    /// How many bytes [`Writer::head`] writes.
    pub(crate) fn head_size(tag: u32, length: usize) -> usize {
        number_size(u64::from(tag) << 3) + number_size(length as u64)
    }

    /// Bytes that are fields already.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn varint(&mut self, tag: u32, number: u64) {
        self.number(u64::from(tag) << 3 | u64::from(VARINT));
        self.number(number);
    }

    pub(crate) fn double(&mut self, tag: u32, number: f64) {
        self.number(u64::from(tag) << 3 | u64::from(FIXED64));
        self.bytes.extend(number.to_bits().to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, tag: u32, bytes: &[u8]) {
        self.head(tag, bytes.len());
        self.raw(bytes);
    }

    /// A value as it was read.
    pub(crate) fn value(&mut self, tag: u32, value: WireValue<'_>) -> Result<(), WireError> {
        match value {
            WireValue::Varint(number) => self.varint(tag, number),
            WireValue::Fixed64(bits) => self.double(tag, f64::from_bits(bits)),
            WireValue::Bytes(bytes) => self.bytes(tag, bytes),
            WireValue::Fixed32 => value.bytes().map(|_| ())?,
        }
        Ok(())
    }

    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.bytes.push(number.to_le_bytes()[0]);
    }
}

/// How many bytes a variable-length number takes.
fn number_size(number: u64) -> usize {
    (70 - (number | 1).leading_zeros() as usize) / 7
}
