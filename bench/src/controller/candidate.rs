//! Whose controller is measured.

use clap::ValueEnum;

/// One controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Candidate {
    Pilothouse,
    KubeRuntime,
    ControllerRuntime,
    /// The same, whose reconciler looks at the key alone.
    ControllerRuntimeKeys,
    /// No controller: whoever reads the bytes of the events. The server's and the kernel's part of an idle event.
    Socket,
}

impl Candidate {
    pub(crate) const ALL: [Self; 5] = [
        Self::Pilothouse,
        Self::KubeRuntime,
        Self::ControllerRuntime,
        Self::ControllerRuntimeKeys,
        Self::Socket,
    ];

    /// The name on the command line.
    pub(crate) fn argument(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The name in tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Pilothouse => "Pilothouse",
            Self::KubeRuntime => "kube-runtime",
            Self::ControllerRuntime => "controller-runtime",
            Self::ControllerRuntimeKeys => "controller-runtime, keys only",
            Self::Socket => "a socket's reader",
        }
    }

    pub(crate) fn is_go(self) -> bool {
        matches!(self, Self::ControllerRuntime | Self::ControllerRuntimeKeys)
    }
}
