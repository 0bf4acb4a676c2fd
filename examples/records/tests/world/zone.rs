//! A zone whose behaviour is scripted.

use std::sync::Arc;

use parking_lot::Mutex;
use records_operator::{Change, Refusal, Zone, ZoneError, ZoneState};

/// How the zone behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It answers.
    Well,
    /// It cannot be written.
    Away,
    /// It makes the changes, and its answers never come.
    Mute,
}

#[derive(Debug)]
struct Inside {
    mood: Mood,
    state: ZoneState,
    /// How many changes each call asked for.
    calls: Vec<usize>,
}

/// The zone; clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Scripted {
    inside: Arc<Mutex<Inside>>,
}

impl Scripted {
    pub(crate) fn new() -> Self {
        let inside = Inside { mood: Mood::Well, state: ZoneState::default(), calls: Vec::new() };
        Self { inside: Arc::new(Mutex::new(inside)) }
    }

    pub(crate) fn set_mood(&self, mood: Mood) {
        self.inside.lock().mood = mood;
    }

    /// How many changes each call so far asked for.
    pub(crate) fn calls(&self) -> Vec<usize> {
        self.inside.lock().calls.clone()
    }

    /// Names, each with its owner's.
    pub(crate) fn entries(&self) -> Vec<(String, String)> {
        let inside = self.inside.lock();
        let entries = inside.state.entries.iter();
        entries.map(|(name, entry)| (name.clone(), entry.owner.name.to_string())).collect()
    }
}

impl Zone for Scripted {
    async fn change(&self, changes: &[Change]) -> Result<Vec<Result<(), Refusal>>, ZoneError> {
        let (mood, outcomes) = {
            let mut inside = self.inside.lock();
            inside.calls.push(changes.len());
            if inside.mood == Mood::Away {
                return Err(ZoneError(std::io::Error::other("the disk is full")));
            }
            (inside.mood, changes.iter().map(|change| inside.state.apply(change)).collect())
        };
        if mood == Mood::Mute {
            std::future::pending::<()>().await;
        }
        Ok(outcomes)
    }
}
