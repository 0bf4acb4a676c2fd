//! What a manager can be told from outside of its code: in a file and in environment variables.
//!
//! One order of precedence: **environment over file over code.** Code holds what the author thinks right everywhere, a
//! file what is right for a fleet, the environment what is right for this one process; the nearer to the process, the
//! stronger. Arguments of a command line are the program's own affair: to the manager they are code.
//!
//! The library reads no environment by itself: a program hands it over ([`Configuration::environment`]), and so may a
//! test or a simulation. `docs/configuration.md` lists the keys.

mod error;
mod given;
mod resolve;
mod settings;
#[cfg(test)]
mod tests;
mod times;
mod tree;
mod value;

pub use error::{ConfigurationError, Problem};
pub use given::{Configuration, Origin};
pub use resolve::{EffectiveSetting, EffectiveSettings};
pub use settings::ControllerSettings;
pub(in crate::manager) use settings::ManagerSettings;
