//! What a candidate stands for, and how.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use pilothouse_machinery::{Environment, ObjectKey};

use super::{ElectionError, Timing};

/// The longest name of an object.
const LONGEST_NAME: usize = 253;

type OnTerm = Arc<dyn Fn(u64) + Send + Sync>;
type OnEnd = Arc<dyn Fn() + Send + Sync>;
type OnLeader = Arc<dyn Fn(&str) + Send + Sync>;

/// An election: which Lease, under which name, with which times.
///
/// ```
/// use pilothouse::leader::Election;
///
/// let election = Election::new("website-operator").in_namespace("operators");
/// assert_eq!(election.lease().to_string(), "operators/website-operator");
/// ```
#[derive(Clone)]
#[must_use]
pub struct Election {
    name: String,
    namespace: Option<String>,
    identity: Option<String>,
    pub(super) timing: Timing,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) release: bool,
    pub(super) coordination: Option<Coordination>,
    pub(super) hooks: Hooks,
}

/// What a candidate tells the coordinator that picks the leader (KEP-4355, beta since Kubernetes 1.33).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coordination {
    /// The version of the program, as `1.4.0`.
    pub binary_version: String,
    /// The version it behaves as; the oldest leads. The program's own where nothing else is emulated.
    pub emulation_version: String,
    /// How to pick; the coordinator of the API server knows `OldestEmulationVersion`.
    pub strategy: String,
}

impl Coordination {
    /// Lets the candidate of the oldest version lead, as a rolling update wants it.
    pub fn oldest_version_leads(version: impl Into<String>) -> Self {
        let binary_version = version.into();
        let emulation_version = binary_version.clone();
        Self { binary_version, emulation_version, strategy: "OldestEmulationVersion".into() }
    }
}

/// What is called when something happens. Calls come from the election's own task: they must not block.
#[derive(Clone, Default)]
pub(super) struct Hooks {
    pub(super) started: Option<OnTerm>,
    pub(super) stopped: Option<OnEnd>,
    pub(super) new_leader: Option<OnLeader>,
}

impl Election {
    /// An election over the Lease `name`, with the times of Kubernetes' own components.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            namespace: None,
            identity: None,
            timing: Timing::default(),
            labels: BTreeMap::new(),
            release: true,
            coordination: None,
            hooks: Hooks::default(),
        }
    }

    /// The namespace of the Lease. Without it: the client's default, which in a pod is the pod's own.
    pub fn in_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// The name under which this process stands; the pod's name, for people to recognise. It must be this process's
    /// alone: of two processes of one identity, each takes the lease of the other for its own. Without it, a name
    /// that no other process has.
    pub fn identity(mut self, identity: impl Into<String>) -> Self {
        self.identity = Some(identity.into());
        self
    }

    /// The three times. They are checked when the election starts.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Puts a label on the Lease when this process creates it.
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// Whether the lease is given up at the end, so that another candidate leads at once. Default true. It is only
    /// given up after the leader's work has ended.
    pub fn release_on_stop(mut self, release: bool) -> Self {
        self.release = release;
        self
    }

    /// Lets the API server pick the leader: this process puts up a `LeaseCandidate` of its identity and does not take
    /// the Lease by itself. Needs the rights to `get`, `create`, `update`, `list` and `watch` those.
    pub fn coordinated(mut self, coordination: Coordination) -> Self {
        self.coordination = Some(coordination);
        self
    }

    /// Called with the number of the term when this process starts to lead.
    pub fn on_started(mut self, call: impl Fn(u64) + Send + Sync + 'static) -> Self {
        self.hooks.started = Some(Arc::new(call));
        self
    }

    /// Called once when the candidacy has ended, also when this process never led.
    pub fn on_stopped(mut self, call: impl Fn() + Send + Sync + 'static) -> Self {
        self.hooks.stopped = Some(Arc::new(call));
        self
    }

    /// Called with the identity of each new leader, this process included, once per change (conformance E7).
    pub fn on_new_leader(mut self, call: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.hooks.new_leader = Some(Arc::new(call));
        self
    }

    /// The Lease; without a namespace until one was given or the election has started.
    pub fn lease(&self) -> ObjectKey {
        ObjectKey::new(self.namespace.as_deref().unwrap_or_default(), &*self.name)
    }

    pub(crate) fn chosen_timing(&self) -> Timing {
        self.timing
    }

    /// The same election in this namespace, or in the client's default one.
    pub(crate) fn in_chosen_namespace(self, namespace: Option<String>) -> Self {
        Self { namespace, ..self }
    }

    /// Fills in what was left open, and refuses what cannot work.
    pub(super) fn complete(
        mut self,
        default_namespace: &str,
        environment: &Environment,
    ) -> Result<(Self, String), ElectionError> {
        self.timing.check()?;
        let namespace = self.namespace.get_or_insert_with(|| default_namespace.to_owned());
        check("namespace", namespace)?;
        check("lease name", &self.name)?;
        let identity = self.identity.clone();
        let identity = identity.unwrap_or_else(|| format!("{}_{}", self.name, environment.random_uuid()));
        if identity.trim().is_empty() {
            let problem = "an empty identity marks a lease without a holder: give the pod's name";
            return Err(ElectionError::Name { what: "identity", value: identity, problem });
        }
        Ok((self, identity))
    }
}

fn check(what: &'static str, value: &str) -> Result<(), ElectionError> {
    let is_valid = (1..=LONGEST_NAME).contains(&value.len())
        && value.chars().all(|one| matches!(one, 'a'..='z' | '0'..='9' | '-' | '.'))
        && value.starts_with(|one: char| one.is_ascii_alphanumeric())
        && value.ends_with(|one: char| one.is_ascii_alphanumeric());
    if is_valid {
        return Ok(());
    }
    let problem = "use lower-case letters, digits, dashes and dots, with a letter or digit at both ends";
    Err(ElectionError::Name { what, value: value.to_owned(), problem })
}

impl fmt::Debug for Election {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Election")
            .field("lease", &self.lease())
            .field("identity", &self.identity)
            .field("timing", &self.timing)
            .finish_non_exhaustive()
    }
}
