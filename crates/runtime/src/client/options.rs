//! How a client behaves.

use std::path::PathBuf;
use std::time::Duration;

/// How many requests a client may send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// At most `burst + per_second * t` requests in any `t` seconds. Watches do not count, as in client-go.
    Limited {
        /// Requests per second in the long run; values below 0.001 count as 0.001.
        per_second: f64,
        /// Requests that may go out at once after a quiet time; 0 counts as 1.
        burst: u32,
    },
    /// No limit on the client's side: API priority and fairness on the server's side decides.
    Unlimited,
}

/// How a [`Client`](super::Client) behaves.
///
/// The default sends up to 50 requests per second with bursts of 100: enough for thousands of reconciles a
/// minute, and little enough that a controller in a hot loop does not hurt a cluster. client-go's default is
/// 5 and 10; controller-runtime's was 20 and 30 until it turned the limit off.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// How many requests may be sent.
    pub rate: Rate,
    /// How often one request is sent at most, counting the first time; 1 turns retries off.
    pub attempts: u32,
    /// The first pause before a retry when the server names none; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest pause before a retry, also when the server asks for more.
    pub longest_pause: Duration,
    /// How long the head of an answer may take after the request was sent, and then the rest of it (of a list, each
    /// piece); a watch's body may take any time. What was not answered in time is not sent again.
    pub request_timeout: Duration,
    /// The `fieldManager` that creations and updates carry, and the default of server-side apply.
    pub field_manager: String,
    /// A file with the certificates (PEM) of the authorities that the server's certificate is trusted by, read again
    /// while the client is in use: see [`Client::from_config`](super::Client::from_config). Default: as the
    /// configuration says.
    pub certificate_authority_file: Option<PathBuf>,
    /// The server's host, for the `host` label of metrics only.
    pub host: String,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            rate: Rate::Limited { per_second: 50.0, burst: 100 },
            attempts: 10,
            first_pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(30),
            request_timeout: Duration::from_mins(1),
            field_manager: "pilothouse".into(),
            certificate_authority_file: None,
            host: String::new(),
        }
    }
}

impl ClientOptions {
    /// The defaults without a limit on the rate.
    #[must_use]
    pub fn unlimited() -> Self {
        Self { rate: Rate::Unlimited, ..Self::default() }
    }

    /// The same options with this rate.
    #[must_use]
    pub fn with_rate(self, per_second: f64, burst: u32) -> Self {
        Self { rate: Rate::Limited { per_second, burst }, ..self }
    }

    /// The same options with this field manager.
    #[must_use]
    pub fn with_field_manager(self, field_manager: impl Into<String>) -> Self {
        Self { field_manager: field_manager.into(), ..self }
    }
}
