//! Cells of events.

use jiff::Timestamp;
use serde_json::Value;

use super::age;
use crate::kinds::field::{number, text};

/// The cells of an event's row.
pub(crate) fn cells(event: &Value, now: Timestamp) -> Vec<Value> {
    let at = |key: &str| event.get(key).filter(|time| !time.is_null());
    let first = at("firstTimestamp").or_else(|| at("eventTime"));
    let last = event
        .pointer("/series/lastObservedTime")
        .filter(|time| !time.is_null())
        .or_else(|| at("lastTimestamp"))
        .or(first);
    let count = number(event, "/series/count").or_else(|| number(event, "/count"));
    let component = match text(event, "/source/component") {
        "" => text(event, "/reportingComponent"),
        component => component,
    };
    let host = match text(event, "/source/host") {
        "" => text(event, "/reportingInstance"),
        host => host,
    };
    let source = if host.is_empty() { component.to_owned() } else { format!("{component}, {host}") };
    let kind = text(event, "/involvedObject/kind").to_lowercase();
    let name = text(event, "/involvedObject/name");
    let object = if name.is_empty() { kind } else { format!("{kind}/{name}") };
    vec![
        age::since(last, now).into(),
        text(event, "/type").into(),
        text(event, "/reason").into(),
        object.into(),
        text(event, "/involvedObject/fieldPath").into(),
        source.into(),
        text(event, "/message").trim().into(),
        age::since(first, now).into(),
        // Something that happened once may come without a count.
        count.map_or(1, |count| count.max(1)).into(),
        text(event, "/metadata/name").into(),
    ]
}
