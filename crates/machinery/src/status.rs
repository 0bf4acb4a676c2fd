//! The `Status` object: what the API server says when a request failed.
//!
//! Messages follow kube-apiserver's (`k8s.io/apimachinery/pkg/api/errors`), because clients and people match them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A `v1` `Status`: the body of every error answer and of some successful deletions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Always `Status`.
    #[serde(default = "kind")]
    pub kind: String,
    /// Always `v1`.
    #[serde(default = "version")]
    pub api_version: String,
    /// List metadata; an expired `continue` token carries its replacement here.
    #[serde(default)]
    pub metadata: StatusMetadata,
    /// `Success` or `Failure`.
    #[serde(default)]
    pub status: String,
    /// What happened, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What happened, for programs.
    #[serde(default, skip_serializing_if = "StatusReason::is_unknown")]
    pub reason: StatusReason,
    /// The object and fields concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<StatusDetails>,
    /// The HTTP status code; 0 when the server left it out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub code: u16,
}

/// The list metadata of a [`Status`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusMetadata {
    /// Where an interrupted list may go on.
    #[serde(default, rename = "continue", skip_serializing_if = "Option::is_none")]
    pub continue_token: Option<String>,
}

/// The object and fields that a [`Status`] is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatusDetails {
    /// Name of the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Its plural resource name for most reasons; its kind for `Invalid`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Its uid.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// One entry per field or reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<StatusCause>,
    /// When to try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

/// One cause inside [`StatusDetails`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatusCause {
    /// `FieldValueInvalid`, `FieldManagerConflict`, ...
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What is wrong with the field.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The path of the field.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal),+ $(,)?) => {
        /// Why a request failed: the `reason` of a [`Status`].
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum StatusReason {
            /// No reason was given.
            #[default]
            #[serde(rename = "")]
            Unknown,
            $($(#[$doc])* $variant,)+
            /// A reason this version does not know.
            #[serde(untagged)]
            Other(String),
        }

        impl StatusReason {
            /// The HTTP status code that goes with the reason.
            #[must_use]
            pub fn code(&self) -> u16 {
                match self {
                    $(Self::$variant => $code,)+
                    Self::Unknown | Self::Other(_) => 500,
                }
            }

            /// The reason as the API writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    Self::Unknown => "",
                    $(Self::$variant => stringify!($variant),)+
                    Self::Other(text) => text,
                }
            }
        }
    };
}

reasons! {
    /// The request was malformed.
    BadRequest = 400,
    /// The server does not know who asks.
    Unauthorized = 401,
    /// The one who asks may not do this.
    Forbidden = 403,
    /// There is no such object, resource or path.
    NotFound = 404,
    /// The resource does not have this verb.
    MethodNotAllowed = 405,
    /// No representation that the client accepts.
    NotAcceptable = 406,
    /// An object of this name exists.
    AlreadyExists = 409,
    /// The object changed since it was read, or a precondition failed.
    Conflict = 409,
    /// The object is gone for good.
    Gone = 410,
    /// The position asked for is older than the history kept.
    Expired = 410,
    /// The body is too large.
    RequestEntityTooLarge = 413,
    /// The body is of a type that the server does not read.
    UnsupportedMediaType = 415,
    /// The object is well-formed but not valid.
    Invalid = 422,
    /// Too many requests: try again later.
    TooManyRequests = 429,
    /// The server failed.
    InternalError = 500,
    /// The server cannot serve now.
    ServiceUnavailable = 503,
    /// The request took too long, or asked for a version from the future.
    Timeout = 504,
    /// The server gave up on a request that may have been applied.
    ServerTimeout = 500,
}

impl StatusReason {
    fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }
}

impl fmt::Display for StatusReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

fn kind() -> String {
    "Status".into()
}

fn version() -> String {
    "v1".into()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(code: &u16) -> bool {
    *code == 0
}

/// `jobs.batch`, or `pods` for the core group: how messages name a resource type.
fn qualified(plural: &str, group: &str) -> String {
    if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }
}

impl Status {
    /// A failure with a reason and a message; the code follows from the reason.
    pub fn failure(reason: StatusReason, message: impl Into<String>) -> Self {
        Self {
            kind: kind(),
            api_version: version(),
            metadata: StatusMetadata::default(),
            status: "Failure".into(),
            message: message.into(),
            code: reason.code(),
            reason,
            details: None,
        }
    }

    /// The answer to a deletion that is complete.
    #[must_use]
    pub fn success(details: StatusDetails) -> Self {
        Self {
            status: "Success".into(),
            message: String::new(),
            reason: StatusReason::Unknown,
            code: 0,
            details: Some(details),
            ..Self::failure(StatusReason::Unknown, "")
        }
    }

    /// 404: there is no such object.
    #[must_use]
    pub fn not_found(group: &str, plural: &str, name: &str) -> Self {
        Self::failure(StatusReason::NotFound, format!("{} {name:?} not found", qualified(plural, group)))
            .about(group, plural, name)
    }

    /// 409: an object of this name exists.
    #[must_use]
    pub fn already_exists(group: &str, plural: &str, name: &str) -> Self {
        Self::failure(
            StatusReason::AlreadyExists,
            format!("{} {name:?} already exists", qualified(plural, group)),
        )
        .about(group, plural, name)
    }

    /// 409: the write was not applied, for the reason that `why` gives.
    #[must_use]
    pub fn conflict(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let message =
            format!("Operation cannot be fulfilled on {} {name:?}: {why}", qualified(plural, group));
        Self::failure(StatusReason::Conflict, message).about(group, plural, name)
    }

    /// 403: the write is refused, for the reason that `why` gives.
    #[must_use]
    pub fn forbidden(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let message = format!("{} {name:?} is forbidden: {why}", qualified(plural, group));
        Self::failure(StatusReason::Forbidden, message).about(group, plural, name)
    }

    /// 422: one line per cause; `kind` is the object's kind, not its plural.
    #[must_use]
    pub fn invalid(group: &str, kind: &str, name: &str, causes: Vec<StatusCause>) -> Self {
        let lines: Vec<_> =
            causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        let list = match lines.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let mut status = Self::failure(
            StatusReason::Invalid,
            format!("{} {name:?} is invalid: {list}", qualified(kind, group)),
        )
        .about(group, kind, name);
        status.details.get_or_insert_default().causes = causes;
        status
    }

    /// 400 with a message.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::failure(StatusReason::BadRequest, message)
    }

    /// The same status, with the object it is about.
    #[must_use]
    pub fn about(mut self, group: &str, kind: &str, name: &str) -> Self {
        let details = self.details.get_or_insert_default();
        (details.group, details.kind, details.name) = (group.into(), kind.into(), name.into());
        self
    }

    /// Whether a watch or list position is older than the server's history, in any of the forms servers use.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.code == 410 || matches!(self.reason, StatusReason::Expired | StatusReason::Gone)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({}, {})", self.message, self.reason, self.code)
    }
}

impl std::error::Error for Status {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_bodies_have_the_shape_and_words_of_a_real_server() {
        let status = serde_json::to_value(Status::not_found("batch", "jobs", "hello")).unwrap();
        let expected = serde_json::json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "jobs.batch \"hello\" not found", "reason": "NotFound",
            "details": {"name": "hello", "group": "batch", "kind": "jobs"}, "code": 404
        });
        assert_eq!(status, expected);
    }

    #[test]
    fn unknown_reasons_survive_a_round_trip() {
        let status: Status = serde_json::from_str(r#"{"reason":"Teapot","code":418,"message":"m"}"#).unwrap();
        assert_eq!(status.reason, StatusReason::Other("Teapot".into()));
        assert_eq!(serde_json::to_value(&status).unwrap()["reason"], "Teapot");
    }

    #[test]
    fn r3_expired_is_recognised_by_code_or_reason() {
        for body in [r#"{"code":410}"#, r#"{"reason":"Expired"}"#, r#"{"reason":"Gone"}"#] {
            assert!(serde_json::from_str::<Status>(body).unwrap().is_expired(), "{body}");
        }
    }
}
