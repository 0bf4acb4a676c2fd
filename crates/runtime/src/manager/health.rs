//! The two questions of kubelet: should the process be restarted, and should it be counted on.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use super::{Liveness, Readiness};
use crate::client::Reach;
use crate::{Informers, Leadership};

/// How much later than the lease duration a renewal may be before the process counts as unhealthy, as in
/// controller-runtime.
const LEASE_TOLERANCE: Duration = Duration::from_secs(20);
/// How long an informer may owe its next step. What it owes is generous already (ten minutes for a watch); this is for
/// what it does not know of: a wait for the client's limit on requests, a machine that has other things to do.
const INFORMER_MARGIN: Duration = Duration::from_mins(5);
/// How long requests may go unanswered before the process is not ready: longer than it takes a server to hand over.
const UNANSWERED: Duration = Duration::from_secs(10);

/// What both answers are made of.
#[derive(Clone, Debug)]
pub(super) struct Health {
    pub(super) readiness: Readiness,
    pub(super) liveness: Liveness,
    pub(super) informers: Informers,
    pub(super) leadership: Leadership,
    pub(super) reach: Arc<Reach>,
}

type Checks = Vec<(String, Option<String>)>;

impl Health {
    /// Whether the process should go on. What is wrong is named; all that was looked at, when asked for.
    ///
    /// Only what a restart heals makes it fail: parts that make no progress, and would not by themselves. So it does
    /// not ask whether the API server is there.
    pub(super) fn live(&self, is_verbose: bool) -> (StatusCode, String) {
        let checks = self.progress();
        let is_live = checks.iter().all(|(_, why)| why.is_none());
        let mut body = String::new();
        for (name, why) in checks {
            match why {
                None if is_verbose => body.extend(["[+] ", &name, " ok\n"]),
                None => {}
                Some(why) => body.extend(["[-] ", &name, ": ", &why, "\n"]),
            }
        }
        body.push_str(if is_live { "ok\n" } else { "not live\n" });
        (if is_live { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR }, body)
    }

    /// One line per part of the process, with what is wrong with it.
    fn progress(&self) -> Checks {
        // The grace period bounds what is left to do.
        if self.liveness.is_stopping() {
            return vec![("stopping".to_owned(), None)];
        }
        // Not when the election hangs while the process believes to lead (conformance E9).
        let election = self.leadership.check(LEASE_TOLERANCE).err().map(|error| error.to_string());
        let informers = self.informers.all().into_iter().map(|informer| {
            let late = informer.overdue().filter(|late| *late > INFORMER_MARGIN);
            let why = late.map(|late| {
                format!(
                    "stuck: neither event nor bookmark nor a new request for {} s longer than there should be",
                    late.as_secs()
                )
            });
            (format!("informer of {}", informer.title()), why)
        });
        let mut checks = vec![("leader election".to_owned(), election)];
        checks.extend(informers);
        checks.extend(self.liveness.parts());
        checks
    }

    /// One line per part and per cache, and whether all of them are ready.
    pub(super) fn ready(&self) -> (StatusCode, String) {
        let lost = self.reach.lost_for().filter(|lost| *lost > UNANSWERED);
        let lost = lost.map(|lost| format!("no answer for {} s", lost.as_secs()));
        let parts = self.readiness.parts().into_iter();
        let caches = self.informers.all().into_iter().map(|informer| {
            let why = (!informer.is_synced()).then(|| match informer.trouble() {
                Some(trouble) => format!("the first list is not complete: {trouble}"),
                None => "the first list is not complete".to_owned(),
            });
            (format!("cache of {}", informer.title()), why)
        });
        let (mut body, mut ready) = (String::new(), true);
        for (name, why_not) in [("API server".to_owned(), lost)].into_iter().chain(parts).chain(caches) {
            match why_not {
                None => body.extend(["[+] ", &name, " ok\n"]),
                Some(why_not) => {
                    ready = false;
                    body.extend(["[-] ", &name, " not ready: ", &why_not, "\n"]);
                }
            }
        }
        for (name, why) in self.readiness.trouble() {
            body.extend(["[!] ", &name, " in trouble: ", &why, "\n"]);
        }
        body.push_str(if ready { "ready\n" } else { "not ready\n" });
        (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, body)
    }
}
