//! Names of a job's pods.
//!
//! A name looks like one that the API server generated, and follows from the job's uid, its start time and a
//! running number. Repeating a creation whose answer was lost therefore meets the pod it made the first time
//! instead of making a second one.

use std::collections::BTreeSet;

use k8s_openapi::api::batch::v1::JobStatus;

use super::view::JobView;
use crate::hash::{hash, letters};

const SUFFIX: usize = 5;
const LONGEST: usize = 63;

/// Hands out names that no pod has.
pub(crate) struct Names<'a> {
    view: &'a JobView<'a>,
    used: BTreeSet<String>,
    start: i64,
    number: u64,
}

impl<'a> Names<'a> {
    /// Names from running number `first` on.
    pub(crate) fn new(view: &'a JobView<'a>, status: &JobStatus, first: u64) -> Self {
        let start = status.start_time.as_ref().map_or(0, |time| time.0.as_second());
        let used = view.pods.iter().filter_map(|pod| pod.metadata.name.clone()).collect();
        Self { view, used, start, number: first }
    }

    /// The next free name for a pod of `index`.
    pub(crate) fn next(&mut self, index: Option<i32>) -> String {
        let job = self.view.job.metadata.name.as_deref().unwrap_or_default();
        let mut base = index.map_or_else(|| format!("{job}-"), |index| format!("{job}-{index}-"));
        base.truncate(LONGEST - SUFFIX);
        loop {
            let seed = format!("{}/{}/{}", self.view.uid(), self.start, self.number);
            self.number += 1;
            let name = format!("{base}{}", letters(hash(seed.as_bytes()), SUFFIX));
            if !(self.view.is_taken)(&name) && self.used.insert(name.clone()) {
                return name;
            }
        }
    }
}
