//! The life of a process: what starts in which order, what ends it, and how it stops.
//!
//! A [`Manager`] runs [`Runnable`]s: controllers, journals, servers. It serves `/metrics`, `/livez`,
//! `/readyz` and `/deadletters`, stops everything in order when it is told to or when something fails, and says what
//! went wrong.

mod access;
mod additions;
mod builder;
mod candidacy;
mod certificate;
mod configuration;
mod endpoints;
mod health;
#[cfg(test)]
mod health_tests;
mod letters;
mod lifecycle;
mod liveness;
mod readiness;
mod run;
mod runnable;
mod server;
mod serving;
mod shutdown;
mod stall;
#[cfg(test)]
mod tests;

pub use access::MetricsAccess;
pub use additions::{ManagerHandle, ManagerStopped};
pub use builder::Manager;
pub use configuration::{
    Configuration, ConfigurationError, ControllerSettings, EffectiveSetting, EffectiveSettings, Origin,
    Problem,
};
pub(crate) use lifecycle::message;
pub use liveness::{Liveness, LivenessCheck};
pub use readiness::Readiness;
pub use runnable::{BoxError, Group, RunContext, Runnable, Task};
pub use shutdown::Shutdown;
