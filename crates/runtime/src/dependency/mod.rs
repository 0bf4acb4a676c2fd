//! What a controller depends on besides the API server: a circuit breaker, a bulkhead and a time limit for each.
//!
//! A [`Dependency`] is declared once, with a name, and kept in the reconciler. Calls go through
//! [`Context::call`](crate::Context::call). While the dependency fails, or has as many calls in flight as it may, a
//! call is rejected at once; `?` turns that into a [`ReconcileError`](crate::ReconcileError) that postpones the
//! object: it is no failure, no attempt, and no worker waits.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use pilothouse::dependency::{BreakerOptions, Dependency};
//! use pilothouse::k8s_openapi::api::core::v1::ConfigMap;
//! use pilothouse::{Action, Context, ReconcileError, Reconciler};
//!
//! struct Accounts {
//!     billing: Dependency,
//! }
//!
//! impl Accounts {
//!     fn new() -> Self {
//!         let breaker = BreakerOptions { slow_after: Some(Duration::from_secs(2)), ..BreakerOptions::default() };
//!         let billing =
//!             Dependency::named("billing").at_most(4).timeout(Duration::from_secs(10)).breaker(breaker);
//!         Self { billing }
//!     }
//! }
//!
//! impl Reconciler for Accounts {
//!     type Object = ConfigMap;
//!
//!     async fn reconcile(
//!         &self,
//!         map: Arc<ConfigMap>,
//!         context: &Context<ConfigMap>,
//!     ) -> Result<Action, ReconcileError> {
//!         let account = context.call(&self.billing, open_account(&map)).await?;
//!         Ok(if account.is_empty() { Action::again_in(Duration::from_secs(60)) } else { Action::done() })
//!     }
//! }
//!
//! async fn open_account(_map: &ConfigMap) -> Result<String, std::io::Error> {
//!     Ok("a-1".to_owned())
//! }
//! # let _ = Accounts::new();
//! ```

mod breaker;
#[cfg(test)]
mod breaker_tests;
mod call;
mod error;
mod handle;
mod metrics;
mod options;
mod postponed;
mod window;

pub use breaker::BreakerState;
pub(crate) use call::Caller;
pub use error::{CallError, Rejected};
pub use handle::Dependency;
pub use options::BreakerOptions;
