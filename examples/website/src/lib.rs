//! An operator in Pilothouse: a `Website` becomes a `Deployment` and a route, and its status says how that is going.
//!
//! [`website`] is the type, [`reconciler`] what happens to it, [`routes`] what lies outside of its namespace and has
//! to be cleaned up; `main.rs` runs it as a process with the rights in `deploy/rbac.yaml`.

#[cfg(doctest)]
mod guide;
mod reconciler;
mod routes;
mod website;

pub use reconciler::{FINALIZER, Websites, operator};
pub use website::{Website, WebsiteSpec, WebsiteStatus};
