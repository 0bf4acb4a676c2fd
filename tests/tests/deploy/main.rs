//! What is in `deploy/`: dashboards whose queries are put to a Prometheus that scrapes a running manager, and manifests
//! that decide who may read its metrics.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod dashboards;
mod manifests;
mod operator;
mod prometheus;
mod queries;
