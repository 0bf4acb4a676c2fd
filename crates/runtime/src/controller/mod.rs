//! Controllers: they are told that something about an object may have changed, look at the world and make it
//! right.
//!
//! [`Controller::of`] starts a builder that says what is watched; a [`Reconciler`] says what to do. Sources
//! put keys into a [work queue](crate::queue); workers take them, read the object from the cache and
//! reconcile.
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use pilothouse::k8s_openapi::api::core::v1::{ConfigMap, Secret};
//! use pilothouse::{Action, Context, Controller, Manager, ObjectExt, ReconcileError, Reconciler};
//!
//! struct Copies;
//!
//! impl Reconciler for Copies {
//!     type Object = ConfigMap;
//!
//!     async fn reconcile(
//!         &self,
//!         map: Arc<ConfigMap>,
//!         context: &Context<ConfigMap>,
//!     ) -> Result<Action, ReconcileError> {
//!         let mut secret = Secret { string_data: map.data.clone(), ..Secret::default() };
//!         secret.metadata.name = Some(format!("copy-of-{}", map.key().name));
//!         context.apply(secret).await?;
//!         Ok(Action::again_in(Duration::from_hours(1)))
//!     }
//! }
//!
//! # async fn run() -> Result<(), pilothouse::Error> {
//! Manager::new("copier")
//!     .serve_metrics(([127, 0, 0, 1], 8080))
//!     .controller(Controller::of().owns::<Secret>().workers(1..=8), Copies)
//!     .run()
//!     .await
//! # }
//! ```
//!
//! Guarantees (C ids of the conformance list):
//!
//! - no key is reconciled by two workers at once;
//! - nothing is reconciled before every watched cache holds its first list and has been worked off (C7);
//! - an error is retried with growing delays per key (C1), a terminal one is not (C2), a panic or a timeout
//!   is an error (C5, C6); what is given up is kept as a [dead letter](DeadLetters) (D2, D3);
//! - a reconcile does not start from a cache that is older than the controller's own last write for that
//!   key (W1).

mod action;
mod batch;
mod batch_worker;
mod builder;
mod calls;
mod condition;
mod context;
mod crew;
mod doubts;
mod error;
mod event;
mod event_limit;
mod finalizer;
mod generated_name;
mod limit;
mod mapping;
mod metrics;
mod options;
mod overruns;
mod own_writes;
mod parking;
mod postpone;
pub mod predicate;
mod pump;
mod reconciler;
mod run;
mod sources;
mod status;
mod waits;
mod watching;
mod worker;
mod write;

pub use action::Action;
pub use batch::{BatchItem, BatchReconciler, BatchResults, Batches};
pub use builder::ControllerBuilder;
pub use condition::{ConditionStatus, set_condition};
pub use context::Context;
pub(crate) use error::chain;
pub use error::{ControllerError, ReconcileError};
pub use event::EventType;
pub use mapping::Owners;
pub(crate) use options::ControllerOptions;
pub use options::Workers;
pub use parking::{DeadLetterOptions, DeadLetterSelector, DeadLetters, ReturnOn};
pub use reconciler::Reconciler;
pub use run::Controller;
pub use sources::{Sources, Watch};
pub use status::{BuiltIn, Derived, StatusField};
