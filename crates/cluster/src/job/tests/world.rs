//! A job and its pods in memory, with the writes of a plan applied the way the API server would.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::{Job, JobStatus};
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use serde_json::{Value, json};

use crate::job::plan::{JobPlan, plan};
use crate::job::view::{self, JobView, TRACKING};
use crate::job::{conditions, pod_template};
use crate::pace::{FineTimes, Pace, stamp};

pub(super) struct World {
    pub(super) job: Job,
    pub(super) pods: BTreeMap<String, Pod>,
    pub(super) now: Timestamp,
    times: FineTimes,
    made: usize,
    /// Pods that ended in each phase while the job tracked them.
    pub(super) ended: BTreeMap<&'static str, BTreeSet<String>>,
    /// Pods that the job gave up without counting them.
    pub(super) stripped: BTreeSet<String>,
}

impl World {
    pub(super) fn new(spec: &Value) -> Self {
        let mut job: Job = serde_json::from_value(json!({
            "metadata": {"name": "train", "namespace": "default", "uid": "job-uid"}, "spec": spec,
        }))
        .unwrap();
        job.spec.as_mut().unwrap().template.spec = Some(
            serde_json::from_value(
                json!({"containers": [{"name": "main", "image": "busybox"}], "restartPolicy": "Never"}),
            )
            .unwrap(),
        );
        Self {
            job,
            pods: BTreeMap::new(),
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
            times: FineTimes::default(),
            made: 0,
            ended: BTreeMap::from([("Succeeded", BTreeSet::new()), ("Failed", BTreeSet::new())]),
            stripped: BTreeSet::new(),
        }
    }

    pub(super) fn plan(&self) -> JobPlan {
        let pods: Vec<Arc<Pod>> = self.pods.values().cloned().map(Arc::new).collect();
        plan(&JobView {
            job: &self.job,
            pods: &pods,
            now: self.now,
            pace: Pace::default(),
            times: &self.times,
            is_taken: &|_| false,
        })
    }

    /// Applies the first `writes` writes of the plan, as if the controller crashed then; the whole plan on `None`.
    pub(super) fn apply(&mut self, plan: &JobPlan, writes: Option<usize>) {
        let mut left = writes.unwrap_or(usize::MAX);
        let mut go = || {
            left = left.saturating_sub(1);
            left > 0
        };
        for new in plan.create.iter().take_while(|_| go()) {
            let mut pod = pod_template::pod(&self.job, new);
            pod.metadata.uid = Some(format!("pod-{}", self.made));
            pod.metadata.creation_timestamp = Some(stamp(self.now));
            self.made += 1;
            assert!(self.pods.insert(new.name.clone(), pod).is_none(), "{} exists", new.name);
        }
        for removal in plan.remove.iter().take_while(|_| go()) {
            let name = removal.pod.metadata.name.clone().unwrap();
            if !removal.is_counted {
                self.stripped.insert(removal.pod.metadata.uid.clone().unwrap());
                self.release(&name);
            }
            self.delete(&name);
        }
        if !go() {
            return;
        }
        self.job.status = Some(plan.status.clone());
        for pod in plan.release.iter().take_while(|_| go()) {
            self.release(pod.metadata.name.as_deref().unwrap());
        }
    }

    /// Plans and applies until nothing is left to do at this moment.
    pub(super) fn settle(&mut self) -> JobPlan {
        for _ in 0..50 {
            let (plan, before) = (self.plan(), (self.job.clone(), self.pods.clone()));
            self.apply(&plan, None);
            if before == (self.job.clone(), self.pods.clone()) {
                return plan;
            }
        }
        panic!("the plans never come to rest: {:?}", self.plan());
    }

    fn release(&mut self, name: &str) {
        if let Some(pod) = self.pods.get_mut(name) {
            pod.metadata.finalizers.as_mut().unwrap().retain(|finalizer| finalizer != TRACKING);
        }
        self.collect(name);
    }

    /// Deletes the pod as a user would: it stays while it runs or has a finalizer.
    pub(super) fn delete(&mut self, name: &str) {
        if let Some(pod) = self.pods.get_mut(name) {
            pod.metadata.deletion_timestamp.get_or_insert_with(|| stamp(self.now));
            if pod.spec.as_ref().unwrap().node_name.is_none() && view::phase(pod) == "Pending" {
                pod.status.get_or_insert_default().phase = Some("Failed".into());
                self.note_end(name, "Failed");
            }
        }
        self.collect(name);
    }

    fn collect(&mut self, name: &str) {
        let is_gone = self
            .pods
            .get(name)
            .is_some_and(|pod| view::is_deleting(pod) && view::is_finished(pod) && !view::is_tracked(pod));
        if is_gone {
            self.pods.remove(name);
        }
    }

    /// What a kubelet would report.
    pub(super) fn report(&mut self, name: &str, phase: &'static str) {
        let now = self.now;
        let Some(pod) = self.pods.get_mut(name).filter(|pod| !view::is_finished(pod)) else { return };
        pod.spec.as_mut().unwrap().node_name = Some("node-1".into());
        let is_ready = if phase == "Running" { "True" } else { "False" };
        let mut status = json!({"phase": phase, "conditions": [{"type": "Ready", "status": is_ready}]});
        if phase != "Running" {
            let code = i32::from(phase == "Failed");
            status["containerStatuses"] = json!([{
                "name": "main", "image": "busybox", "imageID": "", "ready": false, "restartCount": 0,
                "state": {"terminated": {"exitCode": code, "finishedAt": stamp(now)}},
            }]);
        }
        pod.status = Some(serde_json::from_value::<PodStatus>(status).unwrap());
        if phase != "Running" {
            self.note_end(name, phase);
        }
        self.collect(name);
    }

    fn note_end(&mut self, name: &str, phase: &'static str) {
        let pod = &self.pods[name];
        if view::is_tracked(pod) {
            self.ended.get_mut(phase).unwrap().insert(pod.metadata.uid.clone().unwrap());
        }
    }

    pub(super) fn report_all(&mut self, phase: &'static str) {
        for name in self.pods.keys().cloned().collect::<Vec<_>>() {
            self.report(&name, phase);
        }
    }

    pub(super) fn advance(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    pub(super) fn active(&self) -> usize {
        self.pods.values().filter(|pod| view::is_active(pod)).count()
    }

    pub(super) fn status(&self) -> JobStatus {
        self.job.status.clone().unwrap_or_default()
    }

    /// Types of the conditions that are True, in their order.
    pub(super) fn conditions(&self) -> Vec<String> {
        let conditions = self.status().conditions.unwrap_or_default();
        conditions.into_iter().filter(|condition| condition.status == "True").map(|c| c.type_).collect()
    }

    pub(super) fn is_finished(&self) -> bool {
        let status = self.status();
        ["Complete", "Failed"].iter().any(|kind| conditions::find_true(&status, kind).is_some())
    }
}
