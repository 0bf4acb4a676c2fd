//! Pilothouse: a Kubernetes controller runtime.
//!
//! A [`Reconciler`] says what to do about an object, a [`Controller`] when, and a [`Manager`] runs controllers
//! as a process; the page of the [`controller`] module starts with a complete one. Underneath:
//!
//! [`Client`] sends every request through one stack of flow control, retries and metrics. [`Informers`]
//! keep caches of objects (as bytes until somebody looks) and tell subscribers what changed; a [`Lister`]
//! reads them typed. A [`Journal`] records every version of every object of a type, losslessly, into a sink
//! of yours.
//!
//! A [`dependency::Dependency`] guards calls of what is not Kubernetes.

pub mod cache;
pub mod client;
pub mod controller;
pub mod dependency;
mod error;
pub mod journal;
pub mod leader;
pub mod ledger;
pub mod manager;
pub mod metrics;
pub mod object;
mod patience;
pub mod queue;
#[cfg(test)]
mod testing;
pub mod tune;
mod unreadable;

pub use cache::{
    CachedObject, Change, ChangeKind, DecodeError, Informer, InformerError, InformerFailure, InformerOptions,
    Informers, Lister, ReadError, Readable, Selection, Snapshot, Store, Subscription,
};
pub use client::{Client, ClientError, ClientOptions, DeleteOptions, ListOptions, Patch};
pub use controller::{
    Action, BatchItem, BatchReconciler, BatchResults, Batches, ConditionStatus, Context, Controller,
    ControllerBuilder, DeadLetterOptions, DeadLetterSelector, DeadLetters, EventType, ReconcileError,
    Reconciler, ReturnOn, Workers, set_condition,
};
pub use error::Error;
pub use journal::{Journal, JournalBatch, JournalEntry, JournalOptions, JournalSink};
pub use leader::{Election, Leadership};
pub use ledger::{Ledger, MemoryLedger};
pub use manager::{BoxError, Manager, MetricsAccess, RunContext, Runnable, Shutdown};
pub use metrics::Metrics;
pub use object::{Object, ObjectExt};
pub use pilothouse_machinery as machinery;
pub use pilothouse_machinery::{
    Environment, GroupVersionKind, ObjectHeader, ObjectKey, ResourceType, ResourceVersion, Scope, Status,
    StatusReason,
};
pub use queue::{Bucket, Flow, HotKeys, Priority, Retry, WorkQueue, WorkQueueOptions};
pub use {k8s_openapi, kube};
