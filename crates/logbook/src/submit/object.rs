//! The Job that a request describes.

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::parse::Request;
use crate::model::CHANNEL_ANNOTATION;

/// The Job to create: pods are never restarted in place, so that every attempt is a pod of its own on record.
pub(crate) fn job(request: &Request) -> Job {
    let mut annotations = request.annotations.clone();
    annotations.insert(CHANNEL_ANNOTATION.to_owned(), "portal".to_owned());
    // The simulated cluster reads its hints from the pod.
    let pod_annotations = (!request.annotations.is_empty()).then(|| request.annotations.clone());
    let container = Container {
        name: "main".to_owned(),
        image: Some(request.image.clone()),
        command: (!request.command.is_empty()).then(|| request.command.clone()),
        ..Container::default()
    };
    let pod = PodSpec {
        containers: vec![container],
        restart_policy: Some("Never".to_owned()),
        ..PodSpec::default()
    };
    Job {
        metadata: ObjectMeta {
            name: request.name.clone(),
            generate_name: request.name.is_none().then(|| "job-".to_owned()),
            namespace: Some(request.namespace.clone()),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            parallelism: request.parallelism,
            completions: request.completions,
            backoff_limit: request.backoff_limit,
            active_deadline_seconds: request.deadline_seconds,
            suspend: request.suspend.then_some(true),
            template: PodTemplateSpec {
                metadata: pod_annotations.map(|annotations| ObjectMeta {
                    annotations: Some(annotations),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod),
            },
            ..JobSpec::default()
        }),
        ..Job::default()
    }
}
