//! How a reflector behaves.

use std::time::Duration;

use pilothouse_machinery::ResourceVersion;

use crate::cache::{Selection, WireFormat};

/// How a reflector lists and watches. The defaults are client-go's, where it has the option.
#[derive(Clone, Debug)]
pub(crate) struct ReflectorOptions {
    /// Which objects.
    pub(crate) selection: Selection,
    /// How objects are asked for on the wire.
    pub(crate) format: WireFormat,
    /// Whether only the metadata of objects is asked for, as JSON.
    pub(crate) metadata_only: bool,
    /// Watch from here instead of listing first.
    pub(crate) resume_from: Option<ResourceVersion>,
    /// Objects per page, on every list. `None` lets the server answer from its cache in one piece where it can:
    /// then pages (of 500) are asked for only on lists that bypass the cache.
    pub(crate) page_size: Option<u32>,
    /// Whether lists are read as streams of events where the server offers it (KEP-3157).
    pub(crate) streaming_list: bool,
    /// How long a streaming list may bring nothing before the reflector gives up on those and asks for pages (R15).
    pub(crate) initial_silence: Duration,
    /// Whether every list must show the newest state, instead of one no older than the last seen.
    pub(crate) newest: bool,
    /// A watch is asked to last a random time between this and twice this.
    pub(crate) watch_timeout: Duration,
    /// How much longer than asked a watch may last before the client ends it: the connection is half-open (R22).
    pub(crate) watch_grace: Duration,
    /// How long internal errors of a watch are answered by watching again, before a list is tried (R7).
    pub(crate) internal_error_window: Duration,
    /// After so many objects or events that are there at once, they are handed over: 1 takes each piece of a body by
    /// itself.
    pub(crate) batch_events: usize,
    /// After so many bytes of events that are there at once, they are handed over.
    pub(crate) batch_bytes: usize,
}

impl Default for ReflectorOptions {
    fn default() -> Self {
        Self {
            selection: Selection::default(),
            format: WireFormat::Json,
            metadata_only: false,
            resume_from: None,
            page_size: None,
            streaming_list: false,
            initial_silence: Duration::from_secs(30),
            newest: false,
            watch_timeout: Duration::from_mins(5),
            watch_grace: Duration::from_secs(30),
            internal_error_window: Duration::from_mins(1),
            batch_events: 256,
            batch_bytes: 256 << 10,
        }
    }
}
