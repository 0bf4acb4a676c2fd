//! What the server is and serves: every path that names no resource.
//!
//! Discovery in both forms ([`plain`] and [`aggregated`]), `/version`, health, and the `OpenAPI` documents of
//! [`crate::openapi`].

mod aggregated;
mod groups;
mod plain;
mod respond;

pub(crate) use groups::{Group, groups, singular_of, subresources_of, verbs_of};
pub(crate) use respond::{GIT_VERSION, hex, respond};

#[cfg(test)]
mod tests;
