//! Times as text.

use std::time::Duration;

use super::value::Value;

/// Each with its nanoseconds, the largest first.
const UNITS: [(&str, u128); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1000),
    ("ns", 1),
];

/// A time that cannot be endless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Finite(pub(super) Duration);

impl Value for Finite {
    fn read(&mut self, text: &str) -> bool {
        duration(text).map(|value| self.0 = value).is_some()
    }

    fn show(&self) -> String {
        shown(self.0)
    }

    fn form(&self) -> &'static str {
        "a time such as 500ms, 30s or 1m30s"
    }
}

impl Value for Duration {
    fn read(&mut self, text: &str) -> bool {
        let value = if text == "never" { Some(Self::MAX) } else { duration(text) };
        value.map(|value| *self = value).is_some()
    }

    fn show(&self) -> String {
        if *self == Self::MAX { "never".to_owned() } else { shown(*self) }
    }

    fn form(&self) -> &'static str {
        "a time such as 500ms, 30s or 1m30s, or never"
    }
}

fn shown(time: Duration) -> String {
    let mut left = time.as_nanos();
    let mut text = String::new();
    for (unit, size) in UNITS {
        if left >= size {
            text.push_str(&(left / size).to_string());
            text.push_str(unit);
            left %= size;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

fn duration(text: &str) -> Option<Duration> {
    let (mut rest, mut total, mut units) = (text, 0_u128, &UNITS[..]);
    while !rest.is_empty() {
        let digits = rest.find(|one: char| !one.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = &rest[digits..];
        let unit = &unit[..unit.find(|one: char| one.is_ascii_digit()).unwrap_or(unit.len())];
        // Each unit at most once, the larger before the smaller.
        let position = units.iter().position(|(name, _)| *name == unit)?;
        total += u128::from(number) * units[position].1;
        units = &units[position + 1..];
        rest = &rest[digits + unit.len()..];
    }
    let seconds = u64::try_from(total / 1_000_000_000).ok()?;
    let nanoseconds = u32::try_from(total % 1_000_000_000).ok()?;
    (!text.is_empty()).then(|| Duration::new(seconds, nanoseconds))
}
