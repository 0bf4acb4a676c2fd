//! Who is measured.

use clap::ValueEnum;

/// One runtime in one configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Candidate {
    /// `reflector` over `watcher`, as they come.
    KubeRuntime,
    /// The same, with `managedFields` cleared before objects reach the store.
    KubeRuntimeCut,
    /// An informer with one subscriber that looks at headers only.
    Pilothouse,
    /// An informer with one subscriber that decodes every object it is told of.
    PilothouseTyped,
}

impl Candidate {
    /// The name on the command line.
    pub(crate) fn argument(self) -> &'static str {
        match self {
            Self::KubeRuntime => "kube-runtime",
            Self::KubeRuntimeCut => "kube-runtime-cut",
            Self::Pilothouse => "pilothouse",
            Self::PilothouseTyped => "pilothouse-typed",
        }
    }

    /// The name in tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::KubeRuntime => "kube-runtime, default",
            Self::KubeRuntimeCut => "kube-runtime, managedFields cleared",
            Self::Pilothouse => "Pilothouse, nobody decodes",
            Self::PilothouseTyped => "Pilothouse, everything decoded",
        }
    }
}
