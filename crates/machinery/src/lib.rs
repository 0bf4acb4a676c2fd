//! Kubernetes API rules without I/O.
//!
//! Both sides speak this crate: the controller runtime (client) and the API server. It holds what a
//! resource is called ([`resource`]), how an object is identified ([`ObjectKey`], [`ResourceVersion`]),
//! what selectors match ([`selector`]), how list and watch bodies are split into objects ([`framing`]),
//! what a scan of an object's bytes tells ([`header`]), how to take parts out of them ([`json`]), how patches
//! apply ([`patch`]), what the built-in types look like ([`schema`]), how protobuf bodies map to JSON
//! ([`protobuf`]) and what errors say ([`Status`]). Time, randomness and tasks come from one value, the
//! [`Environment`].

pub mod environment;
pub mod framing;
pub mod header;
pub mod json;
pub mod object_key;
pub mod patch;
pub mod protobuf;
pub mod resource;
pub mod resource_version;
pub mod schema;
pub mod selector;
pub mod status;

pub use environment::Environment;
pub use header::ObjectHeader;
pub use object_key::ObjectKey;
pub use resource::{GroupVersionKind, GroupVersionResource, ResourceType, Scope};
pub use resource_version::ResourceVersion;
pub use selector::{FieldSelector, LabelSelector};
pub use status::{Status, StatusCause, StatusDetails, StatusReason};
