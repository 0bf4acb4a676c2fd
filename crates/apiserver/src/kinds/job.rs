//! Jobs: defaults, the generated selector, what may change.

use jiff::Timestamp;
use pilothouse_machinery::StatusCause;
use serde_json::{Map, Value, json};

use super::container::one_of;
use super::field::{map_at, map_under, number, selectable, set_default, text};
use super::{causes, job_status, pod_template, selector};
use crate::ApiServer;
use crate::kind::Strategy;
use crate::table;

pub(super) struct JobStrategy;

const CONTROLLER_UID: &str = "batch.kubernetes.io/controller-uid";
const JOB_NAME: &str = "batch.kubernetes.io/job-name";

impl Strategy for JobStrategy {
    fn default(&self, object: &mut Value) {
        if let Some(spec) = map_under(object, &["spec"]) {
            default_spec(spec);
        }
        pod_template::default_template(object, &["spec", "template"]);
        label_like_template(object);
        if let Some(spec) = map_under(object, &["spec"]) {
            set_default(spec, "manualSelector", false);
        }
    }

    /// Unless the selector is the author's own, generates the one that selects exactly this job's pods.
    fn prepare_create(&self, object: &mut Value, _server: &ApiServer) {
        if object.pointer("/spec/manualSelector") != Some(&Value::Bool(true)) {
            generate_selector(object);
        }
        label_like_template(object);
        if let Some(map) = object.as_object_mut() {
            map.insert("status".into(), json!({}));
        }
    }

    fn validate(&self, object: &Value) -> Vec<StatusCause> {
        let spec = object.get("spec").unwrap_or(&Value::Null);
        let mut found = Vec::new();
        if spec.get("selector").is_none_or(Value::is_null) {
            found.push(causes::required("spec.selector", ""));
        }
        found.extend(validate_spec(spec, "spec"));
        let labels = spec.pointer("/template/metadata/labels").unwrap_or(&Value::Null);
        if let Some(selector) = spec.get("selector").filter(|selector| !selector.is_null())
            && !selector::selects(selector, labels)
        {
            let detail = "`selector` does not match template `labels`";
            found.push(causes::invalid("spec.template.metadata.labels", labels, detail));
        }
        found
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<StatusCause> {
        let mut found = self.validate(new);
        let at = |object: &'_ Value, key: &str| object.pointer(&format!("/spec/{key}")).cloned();
        let mut immutable = vec!["selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex"];
        if !completions_may_change(new, old) {
            immutable.insert(0, "completions");
        }
        for key in immutable {
            let (new, old) = (at(new, key), at(old, key));
            causes::immutable(&mut found, format!("spec.{key}"), new.as_ref(), old.as_ref());
        }
        let (template, mut expected) = (at(new, "template"), at(old, "template"));
        if scheduling_may_change(old) {
            carry_scheduling(expected.as_mut(), template.as_ref());
        }
        causes::immutable(&mut found, "spec.template", template.as_ref(), expected.as_ref());
        found
    }

    fn validate_status_update(&self, new: &Value, old: &Value) -> Vec<StatusCause> {
        job_status::validate(new, old)
    }

    fn selectable_fields(&self, object: &Value) -> Vec<(String, String)> {
        let mut fields = selectable(object, &["status.successful"]);
        fields[0].1 = number(object, "/status/succeeded").unwrap_or(0).to_string();
        fields
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        table::job::job(object, now)
    }
}

/// Fills what a job specification leaves out, except its pod template.
pub(super) fn default_spec(spec: &mut Map<String, Value>) {
    let absent = |spec: &Map<String, Value>, key: &str| spec.get(key).is_none_or(Value::is_null);
    if absent(spec, "completions") && absent(spec, "parallelism") {
        set_default(spec, "completions", 1);
    }
    set_default(spec, "parallelism", 1);
    let per_index = !absent(spec, "backoffLimitPerIndex");
    set_default(spec, "backoffLimit", if per_index { i32::MAX } else { 6 });
    set_default(spec, "completionMode", "NonIndexed");
    set_default(spec, "suspend", false);
    let policy = if absent(spec, "podFailurePolicy") { "TerminatingOrFailed" } else { "Failed" };
    set_default(spec, "podReplacementPolicy", policy);
}

/// A job without labels takes those of its template.
fn label_like_template(object: &mut Value) {
    let labels = object.pointer("/spec/template/metadata/labels").filter(|labels| !labels.is_null()).cloned();
    if let (Some(labels), Some(metadata)) = (labels, map_under(object, &["metadata"])) {
        let none = metadata.get("labels").and_then(Value::as_object).is_none_or(Map::is_empty);
        if none {
            metadata.insert("labels".into(), labels);
        }
    }
}

fn generate_selector(object: &mut Value) {
    let (uid, name) = (text(object, "/metadata/uid").to_owned(), text(object, "/metadata/name").to_owned());
    let Some(spec) = map_under(object, &["spec"]) else { return };
    if let Some(labels) = map_under_map(spec, &["template", "metadata", "labels"]) {
        for (key, value) in
            [(CONTROLLER_UID, &uid), (JOB_NAME, &name), ("controller-uid", &uid), ("job-name", &name)]
        {
            labels.insert(key.into(), value.as_str().into());
        }
    }
    let selector = map_at(spec, "selector");
    if let Some(labels) = selector.and_then(|selector| map_at(selector, "matchLabels")) {
        labels.insert(CONTROLLER_UID.into(), uid.into());
    }
}

fn map_under_map<'a>(
    mut map: &'a mut Map<String, Value>,
    path: &[&str],
) -> Option<&'a mut Map<String, Value>> {
    for key in path {
        map = map_at(map, key)?;
    }
    Some(map)
}

/// What is wrong with a job specification at `path`, its selector aside.
pub(super) fn validate_spec(spec: &Value, path: &str) -> Vec<StatusCause> {
    let mut found = Vec::new();
    for key in
        ["parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"]
    {
        causes::not_negative(&mut found, path, spec, key);
    }
    one_of(spec, path, "completionMode", &["Indexed", "NonIndexed"], &mut found);
    one_of(spec, path, "podReplacementPolicy", &["Failed", "TerminatingOrFailed"], &mut found);
    let indexed = text(spec, "/completionMode") == "Indexed";
    if indexed && spec.get("completions").is_none_or(Value::is_null) {
        let detail = "when completion mode is Indexed";
        found.push(causes::required(format!("{path}.completions"), detail));
    }
    let template = spec.get("template").unwrap_or(&Value::Null);
    found.extend(pod_template::validate_template(template, &format!("{path}.template")));
    let field = format!("{path}.template.spec.restartPolicy");
    match text(template, "/spec/restartPolicy") {
        "OnFailure" | "Never" => {}
        "" | "Always" => found.push(causes::required(field, "valid values: \"OnFailure\", \"Never\"")),
        other => found.push(causes::not_supported(field, &other.into(), &["OnFailure", "Never"])),
    }
    found
}

/// Completions of an indexed job may follow its parallelism.
fn completions_may_change(new: &Value, old: &Value) -> bool {
    let equal = |job: &Value| number(job, "/spec/completions") == number(job, "/spec/parallelism");
    text(new, "/spec/completionMode") == "Indexed" && equal(new) && equal(old)
}

/// While a job is suspended and never started, where its pods may run can still be decided.
fn scheduling_may_change(old: &Value) -> bool {
    old.pointer("/spec/suspend") == Some(&Value::Bool(true))
        && old.pointer("/status/startTime").is_none_or(Value::is_null)
}

fn carry_scheduling(expected: Option<&mut Value>, template: Option<&Value>) {
    let (Some(expected), Some(template)) = (expected, template) else { return };
    let mut carry = |parent: &str, key: &str| {
        let value = template.pointer(&format!("/{parent}/{key}")).cloned();
        if let Some(parent) = expected.get_mut(parent).and_then(Value::as_object_mut) {
            match value {
                Some(value) => parent.insert(key.into(), value),
                None => parent.remove(key),
            };
        }
    };
    carry("metadata", "labels");
    carry("metadata", "annotations");
    for key in ["nodeSelector", "affinity", "tolerations", "schedulingGates"] {
        carry("spec", key);
    }
}
