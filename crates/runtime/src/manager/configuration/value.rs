//! Settings as text.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::MetricsAccess;
use crate::controller::Workers;

/// A value that can be read from text and shown as the text it would be read from.
pub(super) trait Value {
    /// Takes the value of `text`; whether that is one.
    fn read(&mut self, text: &str) -> bool;
    fn show(&self) -> String;
    /// What to write, for people.
    fn form(&self) -> &'static str;
}

impl Value for bool {
    fn read(&mut self, text: &str) -> bool {
        text.parse().map(|value| *self = value).is_ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }

    fn form(&self) -> &'static str {
        "true or false"
    }
}

/// Largest first.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl Value for Duration {
    fn read(&mut self, text: &str) -> bool {
        duration(text).map(|value| *self = value).is_some()
    }

    fn show(&self) -> String {
        if *self == Self::MAX {
            return "never".to_owned();
        }
        let mut left = u64::try_from(self.as_millis()).unwrap_or(u64::MAX);
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

    fn form(&self) -> &'static str {
        "a time such as 500ms, 30s or 1m30s, or never"
    }
}

fn duration(text: &str) -> Option<Duration> {
    if text == "never" {
        return Some(Duration::MAX);
    }
    let (mut rest, mut total, mut units) = (text, 0_u64, &UNITS[..]);
    while !rest.is_empty() {
        let digits = rest.find(|one: char| !one.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = &rest[digits..];
        let unit = &unit[..unit.find(|one: char| one.is_ascii_digit()).unwrap_or(unit.len())];
        // Each unit at most once, the larger before the smaller.
        let position = units.iter().position(|(name, _)| *name == unit)?;
        total = total.checked_add(number.checked_mul(units[position].1)?)?;
        units = &units[position + 1..];
        rest = &rest[digits + unit.len()..];
    }
    (!text.is_empty()).then(|| Duration::from_millis(total))
}

impl Value for Workers {
    fn read(&mut self, text: &str) -> bool {
        let bounds = match text.split_once('-') {
            Some((least, most)) => (least.parse::<usize>(), most.parse::<usize>()),
            None => (text.parse(), text.parse()),
        };
        let (Ok(least), Ok(most)) = bounds else { return false };
        let is_right = 1 <= least && least <= most;
        if is_right {
            *self = Self::from(least..=most);
        }
        is_right
    }

    fn show(&self) -> String {
        let Self { least, most } = self;
        if least == most { least.to_string() } else { format!("{least}-{most}") }
    }

    fn form(&self) -> &'static str {
        "a number from 1 such as 4, or a range such as 1-16"
    }
}

impl Value for MetricsAccess {
    fn read(&mut self, text: &str) -> bool {
        *self = match text {
            "loopback" => Self::Loopback,
            "delegated" => Self::Delegated,
            "unprotected" => Self::Unprotected,
            _ => return false,
        };
        true
    }

    fn show(&self) -> String {
        match self {
            Self::Loopback => "loopback",
            Self::Delegated => "delegated",
            Self::Unprotected => "unprotected",
        }
        .to_owned()
    }

    fn form(&self) -> &'static str {
        "loopback, delegated or unprotected"
    }
}

impl Value for Option<SocketAddr> {
    fn read(&mut self, text: &str) -> bool {
        if text == "off" {
            *self = None;
            return true;
        }
        // As in Go, an address without a host is every address of the machine.
        let text = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
        text.parse().map(|address| *self = Some(address)).is_ok()
    }

    fn show(&self) -> String {
        self.map_or_else(|| "off".to_owned(), |address| address.to_string())
    }

    fn form(&self) -> &'static str {
        "an address such as 127.0.0.1:8080 or :8080, or off"
    }
}

impl Value for Option<PathBuf> {
    fn read(&mut self, text: &str) -> bool {
        *self = (text != "off").then(|| PathBuf::from(text));
        !text.is_empty()
    }

    fn show(&self) -> String {
        self.as_ref().map_or_else(|| "off".to_owned(), |path| path.display().to_string())
    }

    fn form(&self) -> &'static str {
        "a file, or off"
    }
}

impl Value for Option<String> {
    fn read(&mut self, text: &str) -> bool {
        *self = (text != "default").then(|| text.to_owned());
        !text.is_empty()
    }

    fn show(&self) -> String {
        self.clone().unwrap_or_else(|| "default".to_owned())
    }

    fn form(&self) -> &'static str {
        "a name, or default"
    }
}

impl Value for Option<u64> {
    fn read(&mut self, text: &str) -> bool {
        if text == "never" {
            *self = None;
            return true;
        }
        text.parse().ok().filter(|number| *number > 0).map(|number| *self = Some(number)).is_some()
    }

    fn show(&self) -> String {
        self.map_or_else(|| "never".to_owned(), |number| number.to_string())
    }

    fn form(&self) -> &'static str {
        "a number from 1, or never"
    }
}

impl Value for u32 {
    fn read(&mut self, text: &str) -> bool {
        text.parse().ok().filter(|number| *number > 0).map(|number| *self = number).is_some()
    }

    fn show(&self) -> String {
        self.to_string()
    }

    fn form(&self) -> &'static str {
        "a number from 1"
    }
}

impl Value for Option<f64> {
    fn read(&mut self, text: &str) -> bool {
        if text == "unlimited" {
            *self = None;
            return true;
        }
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
        number.map(|number| *self = Some(number)).is_some()
    }

    fn show(&self) -> String {
        self.map_or_else(|| "unlimited".to_owned(), |number| number.to_string())
    }

    fn form(&self) -> &'static str {
        "a number above 0 such as 50 or 0.5, or unlimited"
    }
}
