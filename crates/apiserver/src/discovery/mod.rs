//! What the server is and serves: every path that names no resource.
//!
//! Discovery in both forms ([`plain`] and [`aggregated`]), `/version`, health, and the `OpenAPI` documents of
//! [`crate::openapi`].

mod aggregated;
mod groups;
mod plain;
mod respond;

pub(crate) use groups::{Group, groups, singular_of, subresources_of, verbs_of};
pub(crate) use respond::{hex, respond};

/// The Kubernetes version whose API this server speaks.
pub(crate) const GIT_VERSION: &str = "v1.36.0+pilothouse";

#[cfg(test)]
mod tests;
