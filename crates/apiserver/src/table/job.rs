//! Cells of jobs and cron jobs.

use jiff::Timestamp;
use serde_json::Value;

use super::age;
use super::pod::or_none;
use super::workload::{containers_and_images, selector};
use crate::kinds::field::{has_condition, list, number, text};

/// The cells of a job's row.
pub(crate) fn job(job: &Value, now: Timestamp) -> Vec<Value> {
    let succeeded = number(job, "/status/succeeded").unwrap_or(0);
    let completions = match (number(job, "/spec/completions"), number(job, "/spec/parallelism").unwrap_or(0))
    {
        (Some(completions), _) => format!("{succeeded}/{completions}"),
        (None, 2..) => {
            format!("{succeeded}/1 of {}", number(job, "/spec/parallelism").unwrap_or(0))
        }
        (None, _) => format!("{succeeded}/1"),
    };
    let started = age::time(job.pointer("/status/startTime"));
    let ended = age::time(job.pointer("/status/completionTime")).unwrap_or(now);
    let duration = started.map_or_else(String::new, |started| age::duration(ended.duration_since(started)));
    let mut cells = vec![
        text(job, "/metadata/name").into(),
        status(job).into(),
        completions.into(),
        duration.into(),
        age::of(job, now),
    ];
    cells.extend(containers_and_images(job, "/spec/template"));
    cells.push(selector(job));
    cells
}

fn status(job: &Value) -> &'static str {
    let is = |kind: &str| has_condition(job, kind);
    if is("Complete") {
        "Complete"
    } else if is("Failed") {
        "Failed"
    } else if !text(job, "/metadata/deletionTimestamp").is_empty() {
        "Terminating"
    } else if is("Suspended") {
        "Suspended"
    } else if is("FailureTarget") {
        "FailureTarget"
    } else if is("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    }
}

/// The cells of a cron job's row.
pub(crate) fn cron_job(job: &Value, now: Timestamp) -> Vec<Value> {
    let last = job.pointer("/status/lastScheduleTime").filter(|time| !time.is_null());
    let suspend = job.pointer("/spec/suspend") == Some(&Value::Bool(true));
    let mut cells = vec![
        text(job, "/metadata/name").into(),
        text(job, "/spec/schedule").into(),
        or_none(text(job, "/spec/timeZone")),
        if suspend { "True" } else { "False" }.into(),
        list(job, "/status/active").len().into(),
        last.map_or_else(|| "<none>".into(), |last| age::since(Some(last), now).into()),
        age::of(job, now),
    ];
    cells.extend(containers_and_images(job, "/spec/jobTemplate/spec/template"));
    cells.push("<none>".into());
    cells
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_job_shows_its_condition_completions_and_duration() {
        let mut object = json!({
            "metadata": {"name": "j", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"completions": 2, "selector": {"matchLabels": {"a": "b"}},
                "template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}},
            "status": {"succeeded": 1, "startTime": "2026-01-01T00:00:01Z"}
        });
        let now = "2026-01-01T00:00:31Z".parse().unwrap();
        assert_eq!(job(&object, now), ["j", "Running", "1/2", "30s", "31s", "c", "i", "a=b"]);
        object["status"] = json!({"succeeded": 2, "startTime": "2026-01-01T00:00:01Z",
            "completionTime": "2026-01-01T00:00:11Z", "conditions": [{"type": "Complete", "status": "True"}]});
        assert_eq!(job(&object, now)[1..4], ["Complete", "2/2", "10s"]);
    }
}
