//! A binding: who gets which role.

use serde_json::Value;

use super::User;
use super::user::SERVICE_ACCOUNT;
use crate::kinds::field::{list, text};

/// A `RoleBinding` or `ClusterRoleBinding`, as far as decisions need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) name: String,
    /// Empty for a `ClusterRoleBinding`.
    pub(crate) namespace: String,
    pub(crate) subjects: Vec<Subject>,
    /// `Role` or `ClusterRole`.
    pub(crate) role_kind: String,
    pub(crate) role_name: String,
}

/// Who a binding is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    User(String),
    Group(String),
    ServiceAccount {
        /// Empty where none is given and the binding has none: such a subject is nobody.
        namespace: String,
        name: String,
        user: String,
    },
}

impl Binding {
    /// Reads a stored binding.
    pub(crate) fn of(binding: &Value) -> Self {
        let namespace = text(binding, "/metadata/namespace").to_owned();
        let subjects = list(binding, "/subjects").iter();
        Self {
            name: text(binding, "/metadata/name").to_owned(),
            subjects: subjects.filter_map(|subject| Subject::of(subject, &namespace)).collect(),
            namespace,
            role_kind: text(binding, "/roleRef/kind").to_owned(),
            role_name: text(binding, "/roleRef/name").to_owned(),
        }
    }

    /// The first subject that `user` is.
    pub(crate) fn subject_of(&self, user: &User) -> Option<&Subject> {
        self.subjects.iter().find(|subject| subject.is(user))
    }

    /// Where the role is: empty for a `ClusterRole`.
    pub(crate) fn role_namespace(&self) -> &str {
        if self.role_kind == "Role" { &self.namespace } else { "" }
    }

    /// Why `subject` may do something, as reviews show it.
    pub(crate) fn reason(&self, subject: &Subject) -> String {
        let (kind, name) = if self.namespace.is_empty() {
            ("ClusterRoleBinding", self.name.clone())
        } else {
            ("RoleBinding", format!("{}/{}", self.name, self.namespace))
        };
        let role = &self.role_name;
        format!("RBAC: allowed by {kind} {name:?} of {} {role:?} to {}", self.role_kind, subject.describe())
    }
}

impl Subject {
    fn of(subject: &Value, binding_namespace: &str) -> Option<Self> {
        let name = text(subject, "/name").to_owned();
        Some(match text(subject, "/kind") {
            "User" => Self::User(name),
            "Group" => Self::Group(name),
            "ServiceAccount" => {
                let given = text(subject, "/namespace");
                let namespace = if given.is_empty() { binding_namespace } else { given };
                let user = format!("{SERVICE_ACCOUNT}{namespace}:{name}");
                Self::ServiceAccount { namespace: namespace.to_owned(), name, user }
            }
            _ => return None,
        })
    }

    fn is(&self, user: &User) -> bool {
        match self {
            Self::User(name) => user.name() == name,
            Self::Group(name) => user.is_in(name),
            Self::ServiceAccount { namespace, user: name, .. } => {
                !namespace.is_empty() && user.name() == name
            }
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::User(name) => format!("User {name:?}"),
            Self::Group(name) => format!("Group {name:?}"),
            Self::ServiceAccount { namespace, name, .. } => {
                format!("ServiceAccount {:?}", format!("{name}/{namespace}"))
            }
        }
    }
}
