//! What the list page shows, as its address says it: the address holds the whole view.

use super::Words;
use super::context::RequestContext;
use super::urls::address;
use crate::model::{JobFilter, JobRow, JobState};

/// Rows of one page.
pub(crate) const PAGE_ROWS: u32 = 100;

/// The states that the filter offers as one choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Any state.
    #[default]
    All,
    /// Not running yet.
    Waiting,
    /// Holding resources.
    Active,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Ended otherwise: cancelled or lost.
    Stopped,
}

impl Scope {
    pub(crate) const ALL: [Self; 6] =
        [Self::All, Self::Waiting, Self::Active, Self::Succeeded, Self::Failed, Self::Stopped];

    /// The word in addresses; empty for all.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Waiting => "waiting",
            Self::Active => "active",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }

    /// The word for people.
    pub(crate) const fn label(self, words: &Words) -> &'static str {
        match self {
            Self::All => words.all,
            Self::Waiting => words.waiting,
            Self::Active => words.active,
            Self::Succeeded => words.succeeded,
            Self::Failed => words.failed,
            Self::Stopped => words.stopped,
        }
    }

    /// The scope of this word; all for an unknown one.
    pub(crate) fn parse(word: &str) -> Self {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word).unwrap_or_default()
    }

    /// Whether a job in `state` is in the scope.
    pub(crate) fn holds(self, state: JobState) -> bool {
        use crate::model::StateGroup::{Active, Waiting};
        match self {
            Self::All => true,
            Self::Waiting => state.group() == Waiting,
            Self::Active => state.group() == Active,
            Self::Succeeded => state == JobState::Succeeded,
            Self::Failed => state == JobState::Failed,
            Self::Stopped => matches!(state, JobState::Cancelled | JobState::Lost),
        }
    }
}

/// The filters and the place in the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListView {
    pub(crate) scope: Scope,
    /// Empty: all.
    pub(crate) namespace: String,
    /// Part of the name; empty: any.
    pub(crate) name: String,
    /// The previous page's cursor; empty on the first page.
    pub(crate) page: String,
}

impl ListView {
    pub(crate) fn of(context: &RequestContext) -> Self {
        Self {
            scope: Scope::parse(context.parameter("state")),
            namespace: context.parameter("namespace").to_owned(),
            name: context.parameter("q").trim().to_owned(),
            page: context.parameter("page").to_owned(),
        }
    }

    /// The address of this view under `path`.
    pub(crate) fn address(&self, path: &str) -> String {
        let parameters = [
            ("state", self.scope.as_str()),
            ("namespace", &self.namespace),
            ("q", &self.name),
            ("page", &self.page),
        ];
        address(path, &parameters)
    }

    /// The same filters but this scope, from the first page on.
    pub(crate) fn scoped(&self, scope: Scope) -> Self {
        Self { scope, page: String::new(), ..self.clone() }
    }

    /// The same filters from the row after `cursor` on; the first page for an empty one.
    pub(crate) fn paged(&self, cursor: &str) -> Self {
        Self { page: cursor.to_owned(), ..self.clone() }
    }

    pub(crate) fn is_filtered(&self) -> bool {
        self.scope != Scope::All || !self.namespace.is_empty() || !self.name.is_empty()
    }

    /// The namespace to count in.
    pub(crate) fn namespace(&self) -> Option<&str> {
        (!self.namespace.is_empty()).then_some(self.namespace.as_str())
    }

    pub(crate) fn filter(&self) -> JobFilter {
        let states = JobState::ALL.iter().copied().filter(|state| self.scope.holds(*state)).collect();
        JobFilter {
            states: if self.scope == Scope::All { Vec::new() } else { states },
            namespace: self.namespace().map(str::to_owned),
            name: (!self.name.is_empty()).then(|| self.name.clone()),
            limit: PAGE_ROWS,
        }
    }

    /// Whether the job could ever be in this view: all filters but the state's, which changes.
    pub(crate) fn concerns(&self, job: &JobRow) -> bool {
        let name = self.name.to_ascii_lowercase();
        self.namespace().is_none_or(|namespace| namespace == job.namespace)
            && job.name.to_ascii_lowercase().contains(&name)
    }
}
