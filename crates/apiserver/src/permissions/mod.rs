//! What an account may do: recorded from what it did, written as RBAC, compared with a manifest.

mod account;
mod difference;
mod error;
mod grant;
mod read;
mod record;
mod set;
#[cfg(test)]
mod tests;
mod write;

pub use account::ServiceAccount;
pub use difference::Difference;
pub use error::ManifestError;
pub use grant::{Grant, GrantTarget};
pub use set::Permissions;
