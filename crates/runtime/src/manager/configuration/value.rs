//! Settings as text.

use std::net::SocketAddr;
use std::path::PathBuf;

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
        // As in Go, an address without a host is every address of the machine, those of IPv4 too.
        let text = if text.starts_with(':') { format!("[::]{text}") } else { text.to_owned() };
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
        match self {
            // The file of that name.
            Some(path) if path.as_os_str() == "off" => "./off".to_owned(),
            Some(path) => path.display().to_string(),
            None => "off".to_owned(),
        }
    }

    fn form(&self) -> &'static str {
        "a file, or off"
    }
}

/// The client's own namespace. With a dot in it, which no namespace can have.
const CLIENT_DEFAULT: &str = "client.default";

impl Value for Option<String> {
    fn read(&mut self, text: &str) -> bool {
        *self = (text != CLIENT_DEFAULT).then(|| text.to_owned());
        !text.is_empty()
    }

    fn show(&self) -> String {
        self.clone().unwrap_or_else(|| CLIENT_DEFAULT.to_owned())
    }

    fn form(&self) -> &'static str {
        "a name, or client.default for the client's own"
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
        // Limiters count what is less as this.
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.001);
        number.map(|number| *self = Some(number)).is_some()
    }

    fn show(&self) -> String {
        self.map_or_else(|| "unlimited".to_owned(), |number| number.to_string())
    }

    fn form(&self) -> &'static str {
        "a number from 0.001 such as 50 or 0.5, or unlimited"
    }
}
