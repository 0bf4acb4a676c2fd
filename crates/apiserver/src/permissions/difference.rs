//! What is too much and what is missing.

use std::fmt;

use super::{Grant, ServiceAccount};

/// How a manifest differs from what an account was seen to need. Prints as lines: `-` for what is surplus, `+` for
/// what is missing, with a request that needed it.
#[derive(Debug)]
pub struct Difference {
    pub(super) account: ServiceAccount,
    pub(super) surplus: Vec<Grant>,
    pub(super) lack: Vec<(Grant, String)>,
}

impl Difference {
    /// What the manifest grants and no request needed.
    #[must_use]
    pub fn surplus(&self) -> &[Grant] {
        &self.surplus
    }

    /// What a request needed and the manifest does not grant.
    pub fn lack(&self) -> impl Iterator<Item = &Grant> {
        self.lack.iter().map(|(grant, _)| grant)
    }
}

impl std::error::Error for Difference {}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ServiceAccount { namespace, name } = &self.account;
        let (surplus, lack) = (self.surplus.len(), self.lack.len());
        write!(formatter, "{namespace}/{name} has {surplus} grants too much and {lack} too few")?;
        for grant in &self.surplus {
            write!(formatter, "\n  - {grant}")?;
        }
        for (grant, request) in &self.lack {
            write!(formatter, "\n  + {grant}")?;
            if !request.is_empty() {
                write!(formatter, "    ({request})")?;
            }
        }
        Ok(())
    }
}
