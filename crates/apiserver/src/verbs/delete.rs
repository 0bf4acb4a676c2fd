//! Delete.

use pilothouse_machinery::{GroupVersionKind, ObjectKey, Status, StatusDetails};
use serde_json::Value;

use super::reply::{Content, Reply};
use super::{admission, deletion, metadata};
use crate::ApiServer;
use crate::kind::Kind;
use crate::request::{Call, DeleteOptions, decode_options};

/// What became of an object that was to be deleted.
pub(crate) enum Deleted {
    /// It is gone; its last state.
    Gone(Value),
    /// It is on its way out: finalizers or a grace period keep it.
    Terminating(Content),
}

/// Reads the options of a delete.
pub(super) fn read_options(call: &Call) -> Result<DeleteOptions, Status> {
    let body = decode_options(call, &GroupVersionKind::new("", "v1", "DeleteOptions"))?;
    DeleteOptions::parse(&call.query, &body)
}

/// DELETE of an object.
pub(crate) fn delete(server: &ApiServer, call: &Call) -> Result<Reply, Status> {
    let options = read_options(call)?;
    let (kind, resource) = (&call.kind, &call.kind.resource);
    Ok(match delete_object(server, kind, &call.key(), &options)? {
        Deleted::Terminating(content) => {
            Reply::new(if options.waits_for_dependents { 202 } else { 200 }, content)
        }
        Deleted::Gone(object) if kind.returns_object_on_delete => Reply::new(200, Content::Value(object)),
        Deleted::Gone(object) => {
            let details = StatusDetails {
                name: call.name.clone(),
                group: resource.group.to_string(),
                kind: resource.plural.to_string(),
                uid: metadata::text(&object, "uid").to_owned(),
                ..StatusDetails::default()
            };
            Reply::new(200, Content::Status(Box::new(Status::success(details))))
        }
    })
}

/// Deletes an object, or begins to.
pub(crate) fn delete_object(
    server: &ApiServer,
    kind: &Kind,
    key: &ObjectKey,
    options: &DeleteOptions,
) -> Result<Deleted, Status> {
    let resource = &kind.resource;
    if kind.is("", "namespaces") && admission::PERMANENT.contains(&&*key.name) {
        let why = "this namespace may not be deleted";
        return Err(Status::forbidden(&resource.group, &resource.plural, &key.name, why));
    }
    loop {
        let current = server
            .store()
            .get(kind, key)
            .ok_or_else(|| Status::not_found(&resource.group, &resource.plural, &key.name))?;
        let old = current.value(kind);
        check_preconditions(kind, key, &old, options)?;
        let mut new = deletion::begin(kind, &old, options, server.environment().now().as_second());
        if new == old {
            return Ok(Deleted::Terminating(Content::Stored(current)));
        }
        if !metadata::is_terminating(&old) {
            kind.strategy.prepare_delete(&mut new, server);
        }
        let removes = deletion::may_be_removed(kind, &new);
        if options.dry_run {
            return Ok(if removes { Deleted::Gone(new) } else { Deleted::Terminating(Content::Value(new)) });
        }
        if removes {
            if let Ok(last) = server.store().remove(kind, key, current.revision()) {
                new["metadata"]["resourceVersion"] = last.revision().to_string().into();
                kind.strategy.committed(server, Some(&old), None);
                return Ok(Deleted::Gone(new));
            }
        } else if let Ok(stored) = server.store().put(kind, key, Some(current.revision()), &mut new) {
            kind.strategy.committed(server, Some(&old), Some(&new));
            return Ok(Deleted::Terminating(Content::Stored(stored)));
        }
    }
}

fn check_preconditions(
    kind: &Kind,
    key: &ObjectKey,
    object: &Value,
    options: &DeleteOptions,
) -> Result<(), Status> {
    let compare = |wanted: &Option<String>, member: &str, word: &str, what_happened: &str| {
        let present = metadata::text(object, member);
        match wanted {
            Some(wanted) if wanted != present => {
                let why = format!(
                    "the {word} in the precondition ({wanted}) does not match the {word} in record ({present}). \
                     The object might have been {what_happened}"
                );
                let resource = &kind.resource;
                Err(Status::conflict(&resource.group, &resource.kind, &key.name, &why))
            }
            _ => Ok(()),
        }
    };
    compare(&options.uid, "uid", "UID", "deleted and then recreated")?;
    compare(&options.resource_version, "resourceVersion", "ResourceVersion", "modified")
}
