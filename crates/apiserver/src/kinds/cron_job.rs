//! Cron jobs.

use jiff::Timestamp;
use pilothouse_machinery::StatusCause;
use serde_json::{Value, json};

use super::container::one_of;
use super::field::{map_under, set_default, set_default_text, text};
use super::{causes, job, pod_template};
use crate::ApiServer;
use crate::kind::Strategy;
use crate::table;

pub(super) struct CronJobStrategy;

impl Strategy for CronJobStrategy {
    fn default(&self, object: &mut Value) {
        if let Some(spec) = map_under(object, &["spec"]) {
            set_default_text(spec, "concurrencyPolicy", "Allow");
            set_default(spec, "suspend", false);
            set_default(spec, "successfulJobsHistoryLimit", 3);
            set_default(spec, "failedJobsHistoryLimit", 1);
        }
        // The job's own defaults come when the job is created; its template must only be complete.
        pod_template::default_template(object, &["spec", "jobTemplate", "spec", "template"]);
    }

    fn prepare_create(&self, object: &mut Value, _server: &ApiServer) {
        if let Some(map) = object.as_object_mut() {
            map.insert("status".into(), json!({}));
        }
    }

    fn validate(&self, object: &Value) -> Vec<StatusCause> {
        let spec = object.get("spec").unwrap_or(&Value::Null);
        let mut found = Vec::new();
        let schedule = text(spec, "/schedule");
        if schedule.is_empty() {
            found.push(causes::required("spec.schedule", ""));
        } else if !schedule.starts_with('@') && schedule.split_whitespace().count() != 5 {
            let count = schedule.split_whitespace().count();
            let detail = format!("expected exactly 5 fields, found {count}: [{schedule}]");
            found.push(causes::invalid("spec.schedule", &schedule.into(), &detail));
        }
        for key in ["startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"] {
            causes::not_negative(&mut found, "spec", spec, key);
        }
        one_of(spec, "spec", "concurrencyPolicy", &["Allow", "Forbid", "Replace"], &mut found);
        let template = spec.pointer("/jobTemplate/spec").unwrap_or(&Value::Null);
        found.extend(job::validate_spec(template, "spec.jobTemplate.spec"));
        // The name of a job is that of its cron job, a dash and ten digits: 63 in all.
        if text(object, "/metadata/name").len() > 52 {
            let name = object.pointer("/metadata/name").unwrap_or(&Value::Null);
            found.push(causes::invalid("metadata.name", name, "must be no more than 52 characters"));
        }
        found
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        table::job::cron_job(object, now)
    }
}
