//! From the server into the buffer.

use std::time::Duration;

use pilothouse_machinery::Environment;

use super::Provenance;
use super::buffer::{Read, Sender};
use crate::cache::reflector::{Reflector, ReflectorEvent, WatchEvent};

/// A resumed watch that is silent for so long has caught up with the present.
const CAUGHT_UP: Duration = Duration::from_millis(500);

/// Pulls the reflector as long as somebody reads the buffer. While the buffer is full, nothing is pulled.
pub(super) async fn read(mut reflector: Reflector, buffer: Sender, environment: Environment) {
    let (mut replayed, mut after_list) = (false, false);
    loop {
        let waited_from = environment.monotonic();
        let event = reflector.next().await;
        let caught_up = waited_from.elapsed() >= CAUGHT_UP;
        let read = match event {
            ReflectorEvent::WatchOpened => {
                // What a watch from a list's version says first happened just now; from an older position it
                // starts with what was missed.
                replayed = !std::mem::take(&mut after_list);
                continue;
            }
            ReflectorEvent::ListStarted(cause) => Read::ListStarted(cause),
            ReflectorEvent::ListItems(items) => Read::ListItems(items),
            ReflectorEvent::ListCompleted(end) => {
                after_list = true;
                Read::ListCompleted(end)
            }
            ReflectorEvent::Watched(events) => {
                replayed &= !caught_up;
                let provenance = if replayed { Provenance::Resume } else { Provenance::Watch };
                replayed &= !events.iter().any(|event| matches!(event, WatchEvent::Bookmark(_)));
                Read::Watched(events, provenance)
            }
        };
        if !buffer.send(read, environment.now()).await {
            return;
        }
    }
}
