//! One request to a resource, taken apart.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use pilothouse_machinery::{ObjectKey, Status};

use super::{Form, Query, Representation};
use crate::access::{TokenDigest, User};
use crate::kind::Kind;
use crate::table::IncludeObject;

/// One request to a resource.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Who asks.
    pub(crate) user: Arc<User>,
    /// The administrator's token at the door that they came through.
    pub(crate) door_token: Option<TokenDigest>,
    pub(crate) kind: Arc<Kind>,
    /// The namespace of the path; `None` for cluster-scoped types and for lists across all namespaces.
    pub(crate) namespace: Option<String>,
    /// The name of the path; empty for collections.
    pub(crate) name: String,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) form: Form,
    pub(crate) representation: Representation,
}

impl Call {
    /// The key of the object that the path names.
    pub(crate) fn key(&self) -> ObjectKey {
        self.key_of(&self.name)
    }

    /// The key of the object `name` in the namespace of the path.
    pub(crate) fn key_of(&self, name: &str) -> ObjectKey {
        ObjectKey::new(self.namespace.as_deref().unwrap_or_default(), name)
    }

    /// The media type of the body, without parameters; empty when not given.
    pub(crate) fn content_type(&self) -> &str {
        let value = self.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().split(';').next().unwrap_or_default().trim()
    }

    /// Who writes, by default: the user agent up to its first slash.
    pub(crate) fn default_manager(&self) -> String {
        let agent = self.headers.get(http::header::USER_AGENT).and_then(|value| value.to_str().ok());
        let manager = agent.unwrap_or_default().split('/').next().unwrap_or_default();
        if manager.is_empty() { "unknown".into() } else { manager.to_owned() }
    }
}

/// What the rows of a Table carry beside their cells.
pub(crate) fn include_object(call: &Call) -> Result<IncludeObject, Status> {
    let text = call.query.get("includeObject").unwrap_or_default();
    IncludeObject::parse(text)
        .ok_or_else(|| Status::bad_request(format!("unrecognized includeObject value: {text:?}")))
}
