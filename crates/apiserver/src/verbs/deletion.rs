//! How the deletion of an object begins and when it is complete.

use serde_json::Value;

use super::metadata::{self, finalizers};
use crate::kind::Kind;
use crate::request::{DeleteOptions, Propagation};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// The grace period of a pod that does not say otherwise, in seconds.
const POD_GRACE: u64 = 30;

/// Whether a deletion has begun and nothing keeps the object any more.
pub(super) fn may_be_removed(kind: &Kind, object: &Value) -> bool {
    let grace = object["metadata"]["deletionGracePeriodSeconds"].as_u64().unwrap_or(0);
    metadata::is_terminating(object)
        && finalizers(object).is_empty()
        && namespace_is_empty(kind, object)
        && (grace == 0 || !kind.is("", "pods"))
}

fn namespace_is_empty(kind: &Kind, object: &Value) -> bool {
    !kind.is("", "namespaces") || object["spec"]["finalizers"].as_array().is_none_or(Vec::is_empty)
}

/// What a delete makes of `old`: the object on its way out. It is to be removed at once where
/// [`may_be_removed`] says so, and is equal to `old` where the delete changes nothing.
pub(super) fn begin(kind: &Kind, old: &Value, options: &DeleteOptions, now_seconds: i64) -> Value {
    let mut new = old.clone();
    set_finalizers(&mut new, options.propagation);
    let wanted = grace_period(kind, old, options);
    let metadata = metadata::metadata_mut(&mut new);
    let time = |grace: u64| Value::from(metadata::format_seconds(now_seconds.saturating_add_unsigned(grace)));
    if !metadata::is_terminating(old) {
        metadata.insert("deletionTimestamp".into(), time(wanted));
        metadata.insert("deletionGracePeriodSeconds".into(), wanted.into());
        if metadata.contains_key("generation") {
            metadata::add_generation(&mut new);
        }
        if kind.is("", "namespaces") {
            new["status"]["phase"] = "Terminating".into();
        }
        return new;
    }
    let present = old["metadata"]["deletionGracePeriodSeconds"].as_u64().unwrap_or(0);
    if let Some(wanted) = options.grace_period.filter(|wanted| *wanted < present) {
        // The shorter time counts from when the deletion began.
        let end = metadata::text(old, "deletionTimestamp").parse::<jiff::Timestamp>();
        let end = end.map_or(now_seconds, jiff::Timestamp::as_second);
        let end = end.saturating_sub_unsigned(present - wanted);
        metadata.insert("deletionTimestamp".into(), metadata::format_seconds(end).into());
        metadata.insert("deletionGracePeriodSeconds".into(), wanted.into());
    }
    new
}

/// How many seconds a pod gets to end; everything else gets none.
fn grace_period(kind: &Kind, object: &Value, options: &DeleteOptions) -> u64 {
    if !kind.is("", "pods") {
        return 0;
    }
    let unscheduled = object["spec"]["nodeName"].as_str().unwrap_or_default().is_empty();
    if unscheduled || matches!(object["status"]["phase"].as_str(), Some("Failed" | "Succeeded")) {
        return 0;
    }
    let own = || object["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap_or(POD_GRACE);
    options.grace_period.unwrap_or_else(own)
}

fn set_finalizers(object: &mut Value, propagation: Option<Propagation>) {
    let Some(propagation) = propagation else { return };
    let wanted = match propagation {
        Propagation::Background => None,
        Propagation::Foreground => Some(FOREGROUND),
        Propagation::Orphan => Some(ORPHAN),
    };
    let kept = finalizers(object).into_iter().filter(|name| !matches!(*name, FOREGROUND | ORPHAN));
    let list: Vec<Value> = kept.chain(wanted).map(Value::from).collect();
    let metadata = metadata::metadata_mut(object);
    if list.is_empty() {
        metadata.remove("finalizers");
    } else {
        metadata.insert("finalizers".into(), list.into());
    }
}
