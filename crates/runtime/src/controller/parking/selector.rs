//! Which dead letters.

use pilothouse_machinery::selector::LabelSelector;

use crate::ledger::LedgerRecord;

/// Which dead letters: those that fit everything that is given; all when nothing is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeadLetterSelector {
    /// Of this controller.
    pub controller: Option<String>,
    /// In this namespace; empty for cluster-scoped objects.
    pub namespace: Option<String>,
    /// Of this name.
    pub name: Option<String>,
    /// Parked for this reason.
    pub reason: Option<String>,
    /// Whose labels fit. Of those that have too many labels to be kept, none does.
    pub labels: Option<LabelSelector>,
}

impl DeadLetterSelector {
    /// All of them.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Whether nothing is given: all are meant.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether dead letters of this controller may be meant.
    #[must_use]
    pub fn concerns(&self, controller: &str) -> bool {
        self.controller.as_deref().is_none_or(|wanted| wanted == controller)
    }

    /// Whether a record is meant.
    #[must_use]
    pub fn matches(&self, record: &LedgerRecord) -> bool {
        let is =
            |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        let key = &record.identity.key;
        let fits = |selector: &LabelSelector| {
            let labels = record.labels.as_ref();
            labels.is_some_and(|labels| selector.matches(|label| labels.get(label).map(String::as_str)))
        };
        self.concerns(&record.identity.controller)
            && is(&self.namespace, &key.namespace)
            && is(&self.name, &key.name)
            && is(&self.reason, &record.reason)
            && self.labels.as_ref().is_none_or(fits)
    }
}
