//! Who is measured.

use clap::ValueEnum;

/// One runtime in one configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Candidate {
    /// `reflector` over `watcher`, as they come.
    KubeRuntime,
    /// The same, with `managedFields` cleared before objects reach the store.
    KubeRuntimeCut,
    /// client-go's informer with JSON.
    ClientGo,
    /// The same, with the streamed list off.
    ClientGoPlainList,
    /// With a transform that removes `managedFields`.
    ClientGoCut,
    /// client-go's informer with protobuf.
    ClientGoProtobuf,
    /// An informer whose objects nobody reads.
    Pilothouse,
    /// The same, with the streamed list off.
    PilothousePlainList,
    /// With a reader that decodes every object once.
    PilothouseTyped,
    /// An informer that compresses what it holds.
    PilothouseCompact,
    /// An informer that asks for protobuf.
    PilothouseProtobuf,
    /// Protobuf, and a reader that decodes every object once.
    PilothouseProtobufTyped,
    /// Protobuf, compressed.
    PilothouseProtobufCompact,
    /// An informer that asks for metadata alone.
    PilothouseMetadata,
}

impl Candidate {
    /// The name on the command line.
    pub(crate) fn argument(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The name in tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::KubeRuntime => "kube-runtime, default",
            Self::KubeRuntimeCut => "kube-runtime, managedFields cleared",
            Self::ClientGo => "client-go, JSON",
            Self::ClientGoPlainList => "client-go, JSON, plain list",
            Self::ClientGoCut => "client-go, JSON, managedFields stripped",
            Self::ClientGoProtobuf => "client-go, protobuf",
            Self::Pilothouse => "Pilothouse, nobody reads",
            Self::PilothousePlainList => "Pilothouse, nobody reads, plain list",
            Self::PilothouseTyped => "Pilothouse, all read typed once",
            Self::PilothouseCompact => "Pilothouse, compact",
            Self::PilothouseProtobuf => "Pilothouse, protobuf, nobody reads",
            Self::PilothouseProtobufTyped => "Pilothouse, protobuf, all read typed once",
            Self::PilothouseProtobufCompact => "Pilothouse, protobuf, compact",
            Self::PilothouseMetadata => "Pilothouse, metadata only",
        }
    }

    /// Whether this is not Pilothouse.
    pub(crate) fn is_peer(self) -> bool {
        self.is_go() || matches!(self, Self::KubeRuntime | Self::KubeRuntimeCut)
    }

    /// Whether this is the Go program's part.
    pub(crate) fn is_go(self) -> bool {
        matches!(self, Self::ClientGo | Self::ClientGoPlainList | Self::ClientGoCut | Self::ClientGoProtobuf)
    }

    /// Whether events are measured too; not where they are those of another candidate.
    pub(crate) fn has_events(self) -> bool {
        !matches!(self, Self::ClientGoPlainList | Self::ClientGoCut | Self::PilothousePlainList)
    }

    /// Whether this speaks protobuf.
    pub(crate) fn is_protobuf(self) -> bool {
        use Candidate::{
            ClientGoProtobuf, PilothouseProtobuf, PilothouseProtobufCompact, PilothouseProtobufTyped,
        };
        matches!(
            self,
            ClientGoProtobuf | PilothouseProtobuf | PilothouseProtobufTyped | PilothouseProtobufCompact
        )
    }

    /// Whether this is not possible without Go, which also writes the pods in protobuf.
    pub(crate) fn needs_go(self) -> bool {
        self.is_go() || self.is_protobuf()
    }

    /// The Go program's flags for this configuration.
    pub(crate) fn go_flags(self) -> &'static [&'static str] {
        match self {
            Self::ClientGoPlainList => &["-plain"],
            Self::ClientGoCut => &["-strip"],
            Self::ClientGoProtobuf => &["-protobuf"],
            _ => &[],
        }
    }
}
