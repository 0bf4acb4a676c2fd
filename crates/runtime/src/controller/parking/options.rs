//! How dead letters behave.

/// What takes a parked object off the list, apart from a replay. Its deletion, and another object of its name, always
/// do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReturnOn {
    /// A change of the object, or of anything that the controller owns or watches and that concerns it, or its key in a
    /// stream ([`triggered_by`](crate::ControllerBuilder::triggered_by)).
    ///
    /// A change of the object is one of its generation, labels or annotations; where the type has no generation, any.
    /// So a controller that writes its failure into the status does not wake itself up.
    #[default]
    AnyChange,
    /// A change of the object itself, as above.
    OwnChange,
    /// Nothing else.
    Replay,
}

/// How the dead letters of a controller behave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeadLetterOptions {
    pub(super) at_most: usize,
    pub(super) return_on: ReturnOn,
    pub(super) replays_per_second: f64,
}

impl DeadLetterOptions {
    /// How many objects are parked at once; at least one. Default 10,000. An object that would be one more is tried
    /// again after the longest delay of the policy (1000 seconds at most), and counted as refused.
    ///
    /// As many objects that are tried again are kept beside them; of more the ledger does not hear, and a restart
    /// forgets their failures. An object takes up to three and a half kilobytes, some 700 bytes as a rule: with the
    /// default all take 70 MB at worst, 14 MB as a rule.
    #[must_use]
    pub fn at_most(mut self, objects: usize) -> Self {
        self.at_most = objects.max(1);
        self
    }

    /// What takes an object off the list, apart from a replay.
    #[must_use]
    pub fn return_on(mut self, return_on: ReturnOn) -> Self {
        self.return_on = return_on;
        self
    }

    /// How many replayed objects are tried per second. Default 100; not a positive number counts as the default.
    #[must_use]
    pub fn replays_per_second(mut self, replays: f64) -> Self {
        self.replays_per_second = if replays > 0.0 && replays.is_finite() { replays } else { REPLAYS };
        self
    }
}

const REPLAYS: f64 = 100.0;

impl Default for DeadLetterOptions {
    fn default() -> Self {
        Self { at_most: 10_000, return_on: ReturnOn::default(), replays_per_second: REPLAYS }
    }
}
