//! Which objects a subscriber sees, and what a change looks like to it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::cache::store::Written;
use crate::cache::{CachedObject, ChangeKind};

/// Says of an object whether a subscriber sees it.
type Wanted = Arc<dyn Fn(&CachedObject) -> bool + Send + Sync>;

/// Which objects a subscriber sees: all of them without a condition.
#[derive(Clone, Default)]
pub(in crate::cache) struct Filter(Option<Wanted>);

/// A change as one subscriber sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) kind: ChangeKind,
    pub(super) object: &'a Arc<CachedObject>,
    pub(super) previous: Option<&'a Arc<CachedObject>>,
}

impl Filter {
    pub(super) fn new(wanted: impl Fn(&CachedObject) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(wanted)))
    }

    /// Whether the subscriber sees `object`. A condition that panics holds for nothing: it must not end the
    /// informer, which others read too.
    pub(super) fn matches(&self, object: &CachedObject) -> bool {
        let Some(wanted) = &self.0 else { return true };
        catch_unwind(AssertUnwindSafe(|| wanted(object))).unwrap_or_else(|panic| {
            let panic = crate::manager::message(&*panic);
            tracing::error!(key = %object.key(), panic, "panic in the filter of a subscription");
            false
        })
    }

    /// What `written` is to the subscriber, if anything (conformance S19): an object that comes to match is
    /// added, one that ceases to is deleted, with the last state that matched.
    pub(super) fn see<'a>(&self, written: &'a Written) -> Option<Seen<'a>> {
        let Written { kind, object, previous } = written;
        let (kind, previous) = (*kind, previous.as_ref());
        if self.0.is_none() {
            return Some(Seen { kind, object, previous });
        }
        let before = previous.filter(|previous| self.matches(previous));
        let matches_now = kind != ChangeKind::Deleted && self.matches(object);
        match (before, matches_now) {
            (None, false) => None,
            (None, true) => Some(Seen { kind: ChangeKind::Added, object, previous: None }),
            (Some(_), true) => Some(Seen { kind: ChangeKind::Updated, object, previous: before }),
            (Some(last), false) => {
                let shows = kind == ChangeKind::Deleted && self.matches(object);
                let object = if shows { object } else { last };
                Some(Seen { kind: ChangeKind::Deleted, object, previous: before })
            }
        }
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Filter(some)" } else { "Filter(all)" })
    }
}
