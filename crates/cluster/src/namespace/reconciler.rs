//! Empties terminating namespaces.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use pilothouse::client::Propagation;
use pilothouse::controller::{Action, Context, ReconcileError, Reconciler};
use pilothouse::{Client, ClientError, DeleteOptions, ObjectKey, ResourceType};
use serde_json::{Value, json};

use super::content::Content;
use crate::discovery::{Discovery, ServedType};
use crate::pace::until;
use crate::status_write::replace_status;

const FINALIZER: &str = "kubernetes";
/// Between two looks at a namespace that is not empty yet: a quarter of the time it has taken so far, within these.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The namespace controller.
#[derive(Debug)]
pub(crate) struct Namespaces;

impl Reconciler for Namespaces {
    type Object = Namespace;

    async fn reconcile(
        &self,
        namespace: Arc<Namespace>,
        context: &Context<Namespace>,
    ) -> Result<Action, ReconcileError> {
        let finalizers = namespace.spec.as_ref().and_then(|spec| spec.finalizers.as_deref());
        let is_held = finalizers.unwrap_or_default().iter().any(|finalizer| finalizer == FINALIZER);
        let Some(since) = namespace.metadata.deletion_timestamp.as_ref().filter(|_| is_held) else {
            return Ok(Action::done());
        };
        let client = context.client();
        let content = empty(client, &context.key().name).await?;
        if content.is_empty() {
            finalize(client, context.key()).await?;
            return Ok(Action::done());
        }
        let mut status = namespace.status.clone().unwrap_or_default();
        content.describe(&mut status, context.now());
        replace_status(context, &*namespace, status).await?;
        let so_far = until(context.now(), since.0);
        Ok(Action::again_in((so_far / 4).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)))
    }
}

/// Deletes what is in the namespace, type by type; answers what was still there.
async fn empty(client: &Client, namespace: &str) -> Result<Content, ClientError> {
    let mut content = Content::default();
    let discovery = Discovery::read(client).await?;
    for served in &discovery.types {
        let is_ours = served.resource.is_namespaced() && served.can("list") && served.can("delete");
        if !is_ours {
            continue;
        }
        if let Err(error) = empty_type(client, namespace, served, &mut content).await {
            content.failures.push(format!("{}: {error}", served.resource));
        }
    }
    content.undiscovered = discovery.failures;
    Ok(content)
}

async fn empty_type(
    client: &Client,
    namespace: &str,
    served: &ServedType,
    content: &mut Content,
) -> Result<(), ClientError> {
    let path = served.resource.collection_path(Some(namespace));
    if items(client, &path).await?.is_empty() {
        return Ok(());
    }
    let options = DeleteOptions::default().with_propagation(Propagation::Background);
    if served.can("deletecollection") {
        client.delete_json(&path, &options).await?;
    } else {
        for object in items(client, &path).await? {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            match client.delete_json(&format!("{path}/{name}"), &options).await {
                Err(error) if !error.is_not_found() => return Err(error),
                _ => {}
            }
        }
    }
    content.add(&served.resource, &items(client, &path).await?);
    Ok(())
}

async fn items(client: &Client, path: &str) -> Result<Vec<Value>, ClientError> {
    match client.get_json(path).await {
        Ok(mut list) => Ok(list["items"].as_array_mut().map(std::mem::take).unwrap_or_default()),
        // The type went away since it was discovered, and its objects with it.
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Takes the finalizer of this controller off the namespace, which then goes.
async fn finalize(client: &Client, key: &ObjectKey) -> Result<(), ClientError> {
    let path = ResourceType::cluster("", "v1", "namespaces", "Namespace").object_path(key);
    let mut namespace = match client.get_json(&path).await {
        Err(error) if error.is_not_found() => return Ok(()),
        found => found?,
    };
    let finalizers = namespace["spec"]["finalizers"].as_array().cloned().unwrap_or_default();
    let kept: Vec<Value> = finalizers.into_iter().filter(|finalizer| finalizer != FINALIZER).collect();
    namespace["spec"]["finalizers"] = json!(kept);
    match client.put_json(&format!("{path}/finalize"), &namespace).await {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}
