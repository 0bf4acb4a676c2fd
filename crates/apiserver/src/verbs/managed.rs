//! `metadata.managedFields`: who wrote which fields.

use pilothouse_machinery::Status;
use pilothouse_machinery::patch::{FieldWrite, apply as apply_configuration, track_update};
use pilothouse_machinery::schema::MessageType;
use serde_json::Value;

use super::update::{Author, Target};
use crate::fields::message_of;
use crate::kind::Kind;

/// Top-level fields that a write cannot change, whatever it says.
fn ignored(kind: &Kind, target: Target) -> &'static [&'static str] {
    match target {
        Target::Object if kind.status_subresource => &["status"],
        Target::Status if kind.custom => &["spec", "metadata"],
        Target::Status | Target::Approval => &["spec"],
        Target::Object | Target::Any => &[],
    }
}

/// The type of a kind's objects, built-in or custom.
fn type_of(kind: &Kind) -> Option<&MessageType> {
    if kind.custom { kind.strategy.message_type() } else { message_of(kind) }
}

fn write<'author>(
    author: &'author Author,
    api_version: &'author str,
    ignored: &'author [&'author str],
) -> FieldWrite<'author> {
    FieldWrite {
        manager: &author.manager,
        api_version,
        subresource: author.subresource.unwrap_or_default(),
        now: author.time,
        ignored,
    }
}

/// Records who wrote which fields of `new`; `old` is `None` for a create. An apply has recorded it already.
pub(super) fn track(kind: &Kind, new: &mut Value, old: Option<&Value>, author: &Author, target: Target) {
    if author.applies {
        return;
    }
    let api_version = kind.resource.api_version();
    let by = write(author, &api_version, ignored(kind, target));
    track_update(old, new, &by, type_of(kind));
}

/// What an apply of `configuration` makes of `live` (`None` for a create), with the fields recorded.
pub(super) fn apply(
    kind: &Kind,
    live: Option<&Value>,
    configuration: &Value,
    force: bool,
    author: &Author,
    target: Target,
) -> Result<Value, Status> {
    let api_version = kind.resource.api_version();
    let by = write(author, &api_version, ignored(kind, target));
    apply_configuration(live, configuration, force, &by, type_of(kind)).map_err(|error| error.status())
}
