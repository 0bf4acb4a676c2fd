//! Update: PUT, and what PUT, PATCH and subresources have in common.

use std::sync::Arc;

use pilothouse_machinery::{ObjectKey, Status, StatusCause, StatusReason};
use serde_json::Value;

use super::deletion::may_be_removed;
use super::depth::check_depth;
use super::reply::{Content, Reply};
use super::{create_object, managed, metadata};
use crate::ApiServer;
use crate::access::{TokenDigest, User, authorize_creation};
use crate::kind::Kind;
use crate::kinds;
use crate::request::{Call, WriteOptions, decode_object};

/// Who writes, and how.
#[derive(Clone, Debug)]
pub(crate) struct Author {
    pub(crate) user: Arc<User>,
    /// The administrator's token at the door that they came through.
    pub(crate) door_token: Option<TokenDigest>,
    /// The field manager.
    pub(crate) manager: String,
    /// The subresource written through, if any.
    pub(crate) subresource: Option<&'static str>,
    /// The time of the write.
    pub(crate) time: jiff::Timestamp,
    /// Whether an apply has recorded the fields written already.
    pub(crate) applies: bool,
    pub(crate) dry_run: bool,
}

/// Which part of an object a write may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Everything but the status.
    Object,
    /// The status.
    Status,
    /// The part of the status that says whether a request is granted.
    Approval,
    /// Anything: the server's own writes.
    Any,
}

impl Target {
    /// The subresource that such writes come through.
    pub(super) fn subresource(self) -> Option<&'static str> {
        match self {
            Self::Status => Some("status"),
            Self::Approval => Some("approval"),
            Self::Object | Self::Any => None,
        }
    }
}

/// A write to an existing object.
#[derive(Clone, Debug)]
pub(crate) struct Update<'call> {
    pub(crate) kind: &'call Kind,
    pub(crate) key: ObjectKey,
    pub(crate) target: Target,
    pub(crate) author: Author,
    /// Whether the new object comes from a patch of the old one, and is made again if the old one changed.
    pub(crate) patches: bool,
}

impl Author {
    /// Who sent `call`.
    pub(crate) fn of(
        server: &ApiServer,
        call: &Call,
        options: &WriteOptions,
        subresource: Option<&'static str>,
    ) -> Self {
        let manager = options.field_manager.clone().unwrap_or_else(|| call.default_manager());
        Self {
            user: call.user.clone(),
            door_token: call.door_token,
            manager,
            subresource,
            time: server.environment().now(),
            applies: false,
            dry_run: options.dry_run,
        }
    }

    /// The server itself.
    pub(crate) fn server(server: &ApiServer) -> Self {
        Self {
            user: Arc::new(User::admin()),
            door_token: None,
            manager: "pilothouse-apiserver".into(),
            subresource: None,
            time: server.environment().now(),
            applies: false,
            dry_run: false,
        }
    }
}

/// PUT of an object or of its status.
pub(crate) fn update(server: &ApiServer, call: &Call, target: Target) -> Result<Reply, Status> {
    let options = WriteOptions::parse(&call.query, "UpdateOptions")?;
    let kind = &*call.kind;
    let (mut object, warnings) = decode_object(call, options.field_validation)?;
    check_name(call, &mut object)?;
    let author = Author::of(server, call, &options, target.subresource());
    let may_create = kind.allow_create_on_update && target == Target::Object;
    let update = Update { kind, key: call.key(), target, author, patches: false };
    loop {
        let creates = may_create && server.store().get(kind, &update.key).is_none();
        let (code, content) = if creates {
            authorize_creation(server, call)?;
            (201, create_object(server, kind, call.namespace.as_deref(), object.clone(), &update.author))
        } else {
            (200, update_object(server, &update, &mut |_| Ok(object.clone())))
        };
        // Somebody else created or deleted the object in between: it is the other case now. What is not found may be
        // something else as well, as the role of a binding.
        match content {
            Err(status) if creates && status.reason == StatusReason::AlreadyExists => {}
            Err(status)
                if may_create
                    && !creates
                    && status.reason == StatusReason::NotFound
                    && server.store().get(kind, &update.key).is_none() => {}
            content => return Ok(Reply::new(code, content?).with_warnings(warnings)),
        }
    }
}

pub(super) fn check_name(call: &Call, object: &mut Value) -> Result<(), Status> {
    let (name, namespace) = (metadata::text(object, "name"), metadata::text(object, "namespace"));
    let url = &call.name;
    if name.is_empty() {
        return Err(Status::bad_request(format!(
            "the name of the object ({url} based on URL) was undeterminable: name must be provided"
        )));
    }
    if name != url {
        return Err(Status::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({url})"
        )));
    }
    let expected = call.namespace.as_deref().unwrap_or_default();
    if !namespace.is_empty() && namespace != expected {
        return Err(Status::bad_request(format!(
            "the namespace of the object ({namespace}) does not match the namespace on the request ({expected})"
        )));
    }
    if expected.is_empty() {
        metadata::metadata_mut(object).remove("namespace");
    } else {
        metadata::metadata_mut(object).insert("namespace".into(), expected.into());
    }
    Ok(())
}

/// Replaces an object by what `change` makes of it, again if another write came in between.
///
/// A change of nothing is no write. A change that takes away the last reason to keep an object that is being deleted
/// removes it.
pub(crate) fn update_object(
    server: &ApiServer,
    update: &Update<'_>,
    change: &mut dyn FnMut(&Value) -> Result<Value, Status>,
) -> Result<Content, Status> {
    let (kind, key) = (update.kind, &update.key);
    let resource = &kind.resource;
    loop {
        let current = server
            .store()
            .get(kind, key)
            .ok_or_else(|| Status::not_found(&resource.group, &resource.plural, &key.name))?;
        let old = current.value(kind);
        let mut new = change(&old)?;
        check_preconditions(update, &new, &old)?;
        prepare(update, &mut new, &old);
        let user = &update.author.user;
        match update.target {
            Target::Object => kind.strategy.authorize(server, kind, user, &new, Some(&old))?,
            Target::Status => kind.strategy.authorize_status(server, user, &new, &old)?,
            Target::Approval => kind.strategy.authorize_approval(server, user, &old)?,
            Target::Any => {}
        }
        validate(update, &new, &old)?;
        check_depth(&new)?;
        if new == old {
            return Ok(Content::Stored(current));
        }
        let removes = may_be_removed(kind, &new);
        if update.author.dry_run {
            return Ok(Content::Value(new));
        }
        if removes {
            if server.store().remove(kind, key, current.revision()).is_ok() {
                kind.strategy.committed(server, Some(&old), None);
                return Ok(Content::Value(new));
            }
        } else if let Ok(stored) = server.store().put(kind, key, Some(current.revision()), &mut new) {
            kind.strategy.committed(server, Some(&old), Some(&new));
            return Ok(Content::Stored(stored));
        }
    }
}

fn check_preconditions(update: &Update<'_>, new: &Value, old: &Value) -> Result<(), Status> {
    let (resource, name) = (&update.kind.resource, &update.key.name);
    let (given, present) = (metadata::text(new, "uid"), metadata::text(old, "uid"));
    if update.patches {
        let immutable = |field: &str| {
            // What a patch leaves out stays as it is.
            let given = metadata::text(new, field);
            (!given.is_empty() && given != metadata::text(old, field))
                .then(|| metadata::invalid(&format!("metadata.{field}"), given, "field is immutable"))
        };
        let causes: Vec<_> =
            ["name", "namespace", "uid", "deletionTimestamp"].into_iter().filter_map(immutable).collect();
        if !causes.is_empty() {
            return Err(Status::invalid(&resource.group, &resource.kind, name, causes));
        }
    } else if !given.is_empty() && given != present {
        let registry = if resource.group.is_empty() { "" } else { &resource.group };
        let parts = [registry, &resource.plural, &update.key.namespace, name];
        let path: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{}, ResourceVersion: 0, AdditionalErrorMsg: \
             Precondition failed: UID in precondition: {given}, UID in object meta: {present}",
            path.join("/")
        );
        return Err(Status::conflict(&resource.group, &resource.plural, name, &why));
    }
    let given = metadata::text(new, "resourceVersion");
    if given.is_empty() || given == "0" {
        if update.kind.allow_unconditional_update || update.target == Target::Any {
            return Ok(());
        }
        let cause = StatusCause {
            reason: "FieldValueInvalid".into(),
            message: "Invalid value: 0x0: must be specified for an update".into(),
            field: "metadata.resourceVersion".into(),
        };
        return Err(Status::invalid(&resource.group, &resource.plural, name, vec![cause]));
    }
    if given != metadata::text(old, "resourceVersion") {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        return Err(Status::conflict(&resource.group, &resource.plural, name, why));
    }
    Ok(())
}

fn prepare(update: &Update<'_>, new: &mut Value, old: &Value) {
    let kind = update.kind;
    match update.target {
        Target::Object if kind.status_subresource => copy_member(new, old, "status"),
        Target::Status | Target::Approval => {
            let mut merged = old.clone();
            copy_member(&mut merged, new, "status");
            if !kind.custom {
                copy_member(&mut merged, new, "metadata");
            } else if update.author.applies {
                // Of a custom object's metadata a status write changes only who wrote what; an apply has it in `new`.
                copy_member(&mut merged["metadata"], &new["metadata"], "managedFields");
            }
            *new = merged;
        }
        Target::Object | Target::Any => {}
    }
    metadata::carry_over(new, old);
    if update.target != Target::Any {
        kinds::complete(kind, new);
        kind.strategy.default(new);
    }
    match update.target {
        Target::Object => kind.strategy.prepare_update(new, old),
        Target::Status => kind.strategy.prepare_status_update(new, old),
        Target::Approval => kind.strategy.prepare_approval(new, old),
        Target::Any => {}
    }
    if update.target == Target::Object {
        metadata::bump_generation(kind, new, old);
    }
    managed::track(kind, new, Some(old), &update.author, update.target);
}

fn copy_member(to: &mut Value, from: &Value, name: &str) {
    match (&from[name], to.as_object_mut()) {
        (Value::Null, Some(members)) => _ = members.remove(name),
        (value, Some(members)) => _ = members.insert(name.to_owned(), value.clone()),
        (_, None) => {}
    }
}

fn validate(update: &Update<'_>, new: &Value, old: &Value) -> Result<(), Status> {
    let (kind, resource) = (update.kind, &update.kind.resource);
    let mut causes = metadata::validate_update(kind, new, old);
    causes.extend(match update.target {
        Target::Object => kind.strategy.validate_update(new, old),
        Target::Status => kind.strategy.validate_status_update(new, old),
        Target::Approval => kind.strategy.validate_approval(new, old),
        Target::Any => Vec::new(),
    });
    if causes.is_empty() {
        return Ok(());
    }
    Err(Status::invalid(&resource.group, &resource.kind, &update.key.name, causes))
}
