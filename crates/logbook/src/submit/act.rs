//! Requests that change the cluster.

use k8s_openapi::api::batch::v1::Job;
use pilothouse::client::Propagation;
use pilothouse::{Client, ClientError, DeleteOptions, ObjectKey, Patch};
use serde_json::json;

use super::object::job;
use super::parse::Request;
use crate::model::JobRow;

/// Asks the server whether it would create the job. Nothing is created.
pub(crate) async fn check(client: &Client, request: &Request) -> Result<(), ClientError> {
    // The namespace is a DNS label, so it needs no encoding.
    let path = format!("/apis/batch/v1/namespaces/{}/jobs?dryRun=All", request.namespace);
    let body = serde_json::to_value(job(request))
        .map_err(|source| ClientError::Encode { action: "write a job as JSON".to_owned(), source })?;
    client.post_json(&path, &body).await.map(drop)
}

/// Creates the job. Cancelling leaves it open whether it was created.
pub(crate) async fn create(client: &Client, request: &Request) -> Result<Job, ClientError> {
    client.create(&job(request)).await
}

/// Deletes the job, its pods with it: that of this uid only, never a successor of the same name.
pub(crate) async fn delete(client: &Client, job: &JobRow) -> Result<(), ClientError> {
    let options = DeleteOptions::of_uid(job.uid.clone()).with_propagation(Propagation::Background);
    client.delete::<Job>(&key(job), &options).await
}

/// Suspends or resumes the job of this uid: a patch that names another uid than the object has is a conflict.
pub(crate) async fn set_suspended(client: &Client, job: &JobRow, suspend: bool) -> Result<(), ClientError> {
    let patch = Patch::Merge(json!({ "metadata": { "uid": job.uid }, "spec": { "suspend": suspend } }));
    client.patch::<Job>(&key(job), &patch).await.map(drop)
}

fn key(job: &JobRow) -> ObjectKey {
    ObjectKey::new(job.namespace.as_str(), job.name.as_str())
}
