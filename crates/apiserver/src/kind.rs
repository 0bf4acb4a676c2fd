//! What the server knows about one resource type in one version.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use pilothouse_machinery::schema::MessageType;
use pilothouse_machinery::{ResourceType, Status, StatusCause};
use serde_json::Value;

use crate::ApiServer;
use crate::access::User;
use crate::verbs::Author;

/// One resource type in one version: its names, its switches and its [`Strategy`].
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    clippy::struct_field_names,
    reason = "switches that are independent of each other, under the API's own names"
)]
pub(crate) struct Kind {
    /// Group, version, plural, kind and scope.
    pub(crate) resource: ResourceType,
    /// Lower-case kind, as `pod`.
    pub(crate) singular: Cow<'static, str>,
    /// `PodList`.
    pub(crate) list_kind: Cow<'static, str>,
    /// `po`.
    pub(crate) short_names: Vec<Cow<'static, str>>,
    /// `all`.
    pub(crate) categories: Vec<Cow<'static, str>>,
    /// What names objects may have.
    pub(crate) name_rule: NameRule,
    /// Whether `/status` exists: writes to the object then keep the stored status.
    pub(crate) status_subresource: bool,
    /// Where the numbers of `/scale` are, if it exists.
    pub(crate) scale: Option<Scale>,
    /// Further subresources with a meaning of their own, as `binding`.
    pub(crate) subresources: Vec<Cow<'static, str>>,
    /// Whether `metadata.generation` counts changes of the specification.
    pub(crate) has_generation: bool,
    /// Whether an annotation change counts as well (Deployment).
    pub(crate) generation_counts_annotations: bool,
    /// Whether an update may leave out the resource version.
    pub(crate) allow_unconditional_update: bool,
    /// Whether an update of an object that does not exist creates it.
    pub(crate) allow_create_on_update: bool,
    /// Whether a completed deletion answers the object instead of a `Status`.
    pub(crate) returns_object_on_delete: bool,
    /// Whether a create only answers and nothing is kept (reviews of access).
    pub(crate) create_only: bool,
    /// Whether the type comes from a `CustomResourceDefinition`.
    pub(crate) custom: bool,
    /// Where its objects are kept if another type has them in another form; [`Strategy::convert`] changes between
    /// the forms.
    pub(crate) shares: Option<StorageKey>,
    /// Whether its definition is being deleted: there are no new objects any more.
    pub(crate) terminating: bool,
    /// Columns of its Table; the cells come from [`Strategy::cells`].
    pub(crate) columns: Vec<Column>,
    /// Defaults, validation and selectable fields.
    pub(crate) strategy: Arc<dyn Strategy>,
}

/// What names objects of a type may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameRule {
    /// Lower-case RFC 1123 subdomain, up to 253 characters.
    Subdomain,
    /// Lower-case RFC 1123 label, up to 63 characters (namespaces).
    Label,
    /// Lower-case RFC 1035 label, up to 63 characters (services).
    Label1035,
    /// Anything that can stand in a path (RBAC).
    PathSegment,
}

/// Where `/scale` finds its numbers: paths like `.spec.replicas`.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    /// The wanted number.
    pub(crate) spec_replicas: String,
    /// The present number.
    pub(crate) status_replicas: String,
    /// The selector, as text or as a `LabelSelector`.
    pub(crate) label_selector: Option<String>,
}

/// One column of a Table.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// The heading.
    pub(crate) name: Cow<'static, str>,
    /// `string`, `integer`, `date`, ...
    pub(crate) type_name: Cow<'static, str>,
    /// `name` for the first column.
    pub(crate) format: Cow<'static, str>,
    /// What it shows.
    pub(crate) description: Cow<'static, str>,
    /// 0 is always shown, more only in wide output.
    pub(crate) priority: u32,
}

/// The rules of one resource type. Each method has a default that does nothing.
///
/// Generic rules (metadata, generation, status, finalizers, versions) are the server's; a strategy only adds what
/// is particular to the type. Objects are whole, with `kind` and `apiVersion`.
pub(crate) trait Strategy: Send + Sync + 'static {
    /// Sets defaults; called on each decoded object before a create, an update and a patch.
    fn default(&self, _object: &mut Value) {}

    /// Sets what only a create sets (a cluster IP, an initial phase), after metadata are filled.
    fn prepare_create(&self, _object: &mut Value, _server: &ApiServer) {}

    /// Writes into a new object who creates it, where the type has fields for that.
    fn name_author(&self, _object: &mut Value, _user: &User) {}

    /// Carries over what an update may not change silently.
    fn prepare_update(&self, _new: &mut Value, _old: &Value) {}

    /// The same for a write to `/status`, after the specification was carried over from `old`.
    fn prepare_status_update(&self, _new: &mut Value, _old: &Value) {}

    /// The same for a write to `/approval`.
    fn prepare_approval(&self, _new: &mut Value, _old: &Value) {}

    /// Adds to an object whose deletion begins what must keep it for now.
    fn prepare_delete(&self, _object: &mut Value, _server: &ApiServer) {}

    /// Refuses what `user` may not write although they may write the type: rights that they do not have themselves.
    /// `old` is `None` for a create.
    fn authorize(
        &self,
        _server: &ApiServer,
        _kind: &Kind,
        _user: &User,
        _new: &Value,
        _old: Option<&Value>,
    ) -> Result<(), Status> {
        Ok(())
    }

    /// Refuses what `user` may not write to `/status` although they may write there.
    fn authorize_status(
        &self,
        _server: &ApiServer,
        _user: &User,
        _new: &Value,
        _old: &Value,
    ) -> Result<(), Status> {
        Ok(())
    }

    /// Refuses a write to `/approval` of a user who may write there and may not decide about `old`.
    fn authorize_approval(&self, _server: &ApiServer, _user: &User, _old: &Value) -> Result<(), Status> {
        Ok(())
    }

    /// Answers a question of `author`: sets the status of an object that is not kept.
    fn review(
        &self,
        _server: &ApiServer,
        _author: &Author,
        _namespace: Option<&str>,
        _object: &mut Value,
    ) -> Result<(), Status> {
        Ok(())
    }

    /// What is wrong with a new object.
    fn validate(&self, _object: &Value) -> Vec<StatusCause> {
        Vec::new()
    }

    /// What is wrong with an update; the default validates the new object alone.
    fn validate_update(&self, new: &Value, _old: &Value) -> Vec<StatusCause> {
        self.validate(new)
    }

    /// What is wrong with a write to `/status`.
    fn validate_status_update(&self, _new: &Value, _old: &Value) -> Vec<StatusCause> {
        Vec::new()
    }

    /// What is wrong with a write to `/approval`.
    fn validate_approval(&self, _new: &Value, _old: &Value) -> Vec<StatusCause> {
        Vec::new()
    }

    /// The paths of fields that the type does not have, as `spec.foo`. Only asked for custom resources; built-in
    /// types are checked against their schema.
    fn unknown_fields(&self, _object: &Value) -> Vec<String> {
        Vec::new()
    }

    /// The type of custom objects as far as their schema tells it: how apply treats lists and maps. Only asked for
    /// custom resources.
    fn message_type(&self) -> Option<&MessageType> {
        None
    }

    /// The fields that field selectors may name besides `metadata.name` and `metadata.namespace`, with their values
    /// in `object`: always all labels, with an empty value where the object has none (also for `Value::Null`).
    fn selectable_fields(&self, _object: &Value) -> Vec<(String, String)> {
        Vec::new()
    }

    /// What to tell whoever writes objects of the type, in a `Warning` header.
    fn caveat(&self) -> Option<&'static str> {
        None
    }

    /// Makes an object of another type that [`Kind::shares`] its objects one of this type. `kind` and `apiVersion`
    /// are set already.
    fn convert(&self, _object: &mut Value) {}

    /// The cells of a Table row, one per [`Kind::columns`].
    fn cells(&self, _object: &Value, _now: jiff::Timestamp) -> Vec<Value> {
        Vec::new()
    }

    /// The `OpenAPI` schema of a custom type.
    fn schema(&self) -> Option<&Value> {
        None
    }

    /// Called after each committed write, outside the store's lock: `old` is `None` for a create, `new` is `None`
    /// when the object is gone.
    fn committed(&self, _server: &ApiServer, _old: Option<&Value>, _new: Option<&Value>) {}
}

impl fmt::Debug for dyn Strategy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Strategy")
    }
}

/// A strategy without rules of its own.
pub(crate) struct PlainStrategy;

impl Strategy for PlainStrategy {}

impl Kind {
    /// A kind with the usual switches of a built-in type: no subresources, no generation, unconditional updates.
    pub(crate) fn new(resource: ResourceType) -> Self {
        let singular = resource.kind.to_lowercase();
        let list_kind = format!("{}List", resource.kind);
        Self {
            resource,
            singular: singular.into(),
            list_kind: list_kind.into(),
            short_names: Vec::new(),
            categories: Vec::new(),
            name_rule: NameRule::Subdomain,
            status_subresource: false,
            scale: None,
            subresources: Vec::new(),
            has_generation: false,
            generation_counts_annotations: false,
            allow_unconditional_update: true,
            allow_create_on_update: false,
            returns_object_on_delete: false,
            create_only: false,
            custom: false,
            shares: None,
            terminating: false,
            columns: Vec::new(),
            strategy: Arc::new(PlainStrategy),
        }
    }

    /// What identifies its objects in the store: all versions of a type share one place, and some types
    /// that of another.
    pub(crate) fn storage_key(&self) -> StorageKey {
        let own = || StorageKey { group: self.resource.group.clone(), plural: self.resource.plural.clone() };
        self.shares.clone().unwrap_or_else(own)
    }

    /// Whether it is `plural` of `group`.
    pub(crate) fn is(&self, group: &str, plural: &str) -> bool {
        self.resource.group == group && self.resource.plural == plural
    }
}

/// Where the objects of a type are kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StorageKey {
    /// The API group; empty for the core group.
    pub(crate) group: Cow<'static, str>,
    /// The plural.
    pub(crate) plural: Cow<'static, str>,
}
