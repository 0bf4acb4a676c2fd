//! What a cluster is called.

/// How many characters of an identity stand for a name that nobody gave.
const SHORT: usize = 8;

/// A cluster: what the database tells it from others by, and what people call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Its identity for as long as it lives, as the uid of its `kube-system` namespace.
    pub identity: String,
    /// What pages call it; `None` keeps the name that the database has.
    pub name: Option<String>,
}

impl Cluster {
    /// What to call it when the database has no name either: the beginning of the identity.
    #[must_use]
    pub fn fallback_name(&self) -> String {
        self.identity.chars().take(SHORT).collect()
    }

    /// The name, if there is one and it says something.
    #[must_use]
    pub fn given_name(&self) -> Option<&str> {
        self.name.as_deref().map(str::trim).filter(|name| !name.is_empty())
    }
}

impl From<&str> for Cluster {
    /// A cluster without a name of its own.
    fn from(identity: &str) -> Self {
        Self { identity: identity.to_owned(), name: None }
    }
}
