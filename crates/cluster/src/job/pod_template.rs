//! The pod that a job makes from its template.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, ObjectFieldSelector, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::plan::NewPod;
use super::view::{COMPLETION_INDEX, TRACKING};

/// The labels by which a job's pods are found, in today's and in the older spelling.
pub(crate) fn labels(job: &Job) -> BTreeMap<String, String> {
    let (name, uid) = (job.metadata.name.clone(), job.metadata.uid.clone());
    [
        ("batch.kubernetes.io/job-name", name.clone()),
        ("batch.kubernetes.io/controller-uid", uid.clone()),
        ("job-name", name),
        ("controller-uid", uid),
    ]
    .into_iter()
    .map(|(label, value)| (label.to_owned(), value.unwrap_or_default()))
    .collect()
}

/// The pod to create for `new`.
pub(crate) fn pod(job: &Job, new: &NewPod) -> Pod {
    let template = job.spec.as_ref().map(|spec| spec.template.clone()).unwrap_or_default();
    let from = template.metadata.unwrap_or_default();
    let mut spec = template.spec.unwrap_or_default();
    let mut labels_ = from.labels.unwrap_or_default();
    labels_.extend(labels(job));
    let mut annotations = from.annotations.unwrap_or_default();
    if let Some(index) = new.index {
        annotations.insert(COMPLETION_INDEX.to_owned(), index.to_string());
        labels_.insert(COMPLETION_INDEX.to_owned(), index.to_string());
        carry_index(&mut spec, job, index);
    }
    let mut finalizers = from.finalizers.unwrap_or_default();
    finalizers.push(TRACKING.to_owned());
    Pod {
        metadata: ObjectMeta {
            name: Some(new.name.clone()),
            namespace: job.metadata.namespace.clone(),
            generate_name: Some(format!("{}-", job.metadata.name.as_deref().unwrap_or_default())),
            labels: Some(labels_),
            annotations: (!annotations.is_empty()).then_some(annotations),
            finalizers: Some(finalizers),
            owner_references: Some(vec![owner(job)]),
            ..ObjectMeta::default()
        },
        spec: Some(spec),
        status: None,
    }
}

fn owner(job: &Job) -> OwnerReference {
    OwnerReference {
        api_version: "batch/v1".to_owned(),
        kind: "Job".to_owned(),
        name: job.metadata.name.clone().unwrap_or_default(),
        uid: job.metadata.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// Gives every container the variable `JOB_COMPLETION_INDEX` and the pod a stable host name.
fn carry_index(spec: &mut PodSpec, job: &Job, index: i32) {
    let name = job.metadata.name.as_deref().unwrap_or_default();
    spec.hostname.get_or_insert_with(|| format!("{name}-{index}"));
    let variable = EnvVar {
        name: "JOB_COMPLETION_INDEX".to_owned(),
        value: None,
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                api_version: Some("v1".to_owned()),
                field_path: format!("metadata.annotations['{COMPLETION_INDEX}']"),
            }),
            ..EnvVarSource::default()
        }),
    };
    for container in spec.init_containers.iter_mut().flatten().chain(&mut spec.containers) {
        let variables = container.env.get_or_insert_with(Vec::new);
        if !variables.iter().any(|existing| existing.name == variable.name) {
            variables.push(variable.clone());
        }
    }
}
