//! How a check of a manifest fails.

use super::Difference;

/// Why a manifest could not be checked, or does not pass.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("cannot read the manifest {file}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write the manifest {file}")]
    Write {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The manifest is no YAML.
    #[error("cannot read the manifest as YAML: {why}")]
    Syntax {
        /// What is wrong, and where.
        why: String,
    },
    /// A binding gives a role that the manifest does not have.
    #[error("cannot tell what the manifest grants: {binding} gives {role}, which is not in it")]
    UnknownRole {
        /// Kind and name of the binding.
        binding: String,
        /// Kind and name of the role.
        role: String,
    },
    /// The manifest grants something else.
    #[error("the manifest {file} differs from what was recorded")]
    Differs {
        /// The file.
        file: String,
        /// What is too much and what is missing.
        source: Difference,
    },
}

impl ManifestError {
    /// A stable word: `Read`, `Write`, `Syntax`, `UnknownRole` or `Differs`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Read { .. } => "Read",
            Self::Write { .. } => "Write",
            Self::Syntax { .. } => "Syntax",
            Self::UnknownRole { .. } => "UnknownRole",
            Self::Differs { .. } => "Differs",
        }
    }
}
