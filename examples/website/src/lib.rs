//! An operator in Pilothouse: a `Website` becomes a `Deployment`, and its status says how that is going.
//!
//! [`website`] is the type, [`reconciler`] what happens to it; `main.rs` runs it as a process.

#[cfg(doctest)]
mod guide;
mod reconciler;
mod website;

pub use reconciler::{Websites, operator};
pub use website::{Website, WebsiteSpec, WebsiteStatus};
