//! Who sends a request.

use std::collections::BTreeMap;

/// Everybody who showed who they are.
pub(crate) const AUTHENTICATED: &str = "system:authenticated";

/// Everybody who did not.
pub(crate) const UNAUTHENTICATED: &str = "system:unauthenticated";

/// Who may do everything, whatever roles say.
pub(crate) const MASTERS: &str = "system:masters";

/// What the names of service accounts begin with; namespace and name follow.
pub(crate) const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

const ANONYMOUS: &str = "system:anonymous";

/// Who sends a request: a name, and what authorisation and admission may look at (`k8s.io/apiserver`'s `user.Info`).
///
/// ```
/// use pilothouse_apiserver::User;
///
/// let user = User::new("ann").with_group("dev").with_extra("example.com/team", ["blue"]);
/// assert_eq!((user.name(), user.groups()), ("ann", &["dev".to_owned()][..]));
/// assert_eq!(User::service_account("prod", "web").name(), "system:serviceaccount:prod:web");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    name: String,
    uid: String,
    groups: Vec<String>,
    extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// A user without groups. Whoever the server lets in under a name belongs to `system:authenticated` besides.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// `admin` of the group `system:masters`, who may do everything.
    pub fn admin() -> Self {
        Self::new("admin").with_group(MASTERS)
    }

    /// Who shows nothing: `system:anonymous`.
    pub fn anonymous() -> Self {
        Self::new(ANONYMOUS).with_group(UNAUTHENTICATED)
    }

    /// The service account `name` of `namespace`, with its groups.
    pub fn service_account(namespace: &str, name: &str) -> Self {
        Self::new(format!("{SERVICE_ACCOUNT}{namespace}:{name}"))
            .with_group("system:serviceaccounts")
            .with_group(format!("system:serviceaccounts:{namespace}"))
    }

    /// The same user with a uid.
    pub fn with_uid(mut self, uid: impl Into<String>) -> Self {
        self.uid = uid.into();
        self
    }

    /// The same user in one more group.
    pub fn with_group(mut self, group: impl Into<String>) -> Self {
        let group = group.into();
        if !self.groups.contains(&group) {
            self.groups.push(group);
        }
        self
    }

    /// The same user with values under one more key.
    pub fn with_extra<V: Into<String>>(
        mut self,
        key: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        self.extra.entry(key.into()).or_default().extend(values.into_iter().map(Into::into));
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The uid; empty if there is none.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// The groups.
    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    /// What else was said about the user, by key.
    pub fn extra(&self) -> &BTreeMap<String, Vec<String>> {
        &self.extra
    }

    /// Whether the user is in `group`.
    pub(crate) fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|known| known == group)
    }

    /// The same user as one who was let in: in the group of those who are known, unless they are not.
    pub(crate) fn let_in(self) -> Self {
        if self.name == ANONYMOUS || self.is_in(UNAUTHENTICATED) {
            self
        } else {
            self.with_group(AUTHENTICATED)
        }
    }
}

/// Namespace and name of the service account that is the user `name`, if one is.
pub(crate) fn account_of_user(name: &str) -> Option<(&str, &str)> {
    let (namespace, name) = name.strip_prefix(SERVICE_ACCOUNT)?.split_once(':')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains(':')).then_some((namespace, name))
}

/// A user without groups.
impl From<&str> for User {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

/// A user without groups.
impl From<String> for User {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}
