//! What happens to a website.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{Container, ContainerPort, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use pilothouse::{
    Action, Context, Controller, EventType, Manager, ObjectExt, ReconcileError, Reconciler, set_condition,
};

use crate::routes::Routes;
use crate::{Website, WebsiteStatus};

/// What keeps a site until its route is removed.
pub const FINALIZER: &str = "example.pilothouse.dev/route";

/// Turns websites into deployments and routes.
#[derive(Clone, Debug)]
pub struct Websites {
    routes: Routes,
}

impl Reconciler for Websites {
    type Object = Website;

    async fn reconcile(
        &self,
        site: Arc<Website>,
        context: &Context<Website>,
    ) -> Result<Action, ReconcileError> {
        if site.is_deleting() {
            self.routes.withdraw(&site, context).await?;
            context.remove_finalizer(&site, FINALIZER).await?;
            return Ok(Action::done());
        }
        // Before the first thing that has to be cleaned up.
        let site = context.add_finalizer(&site, FINALIZER).await?;
        self.routes.publish(&site, context).await?;
        let deployment = context.apply(deployment_for(&site)).await?;
        let was_ready = is_ready(site.status.as_ref());
        let now = context.now();
        let site = context.update_status(&site, |status| observe(status, &site, &deployment, now)).await?;
        if is_ready(site.status.as_ref()) && !was_ready {
            context.event(&site, EventType::Normal, "Ready", "all copies of the site are ready");
        }
        Ok(Action::done())
    }
}

/// The operator, to be given a client and run. It keeps the routes in `namespace`, its own.
pub fn operator(namespace: &str) -> Manager {
    let websites = Controller::of::<Website>().owns::<Deployment>().workers(4);
    let reconciler = Websites { routes: Routes { namespace: namespace.to_owned() } };
    Manager::new("website-operator").controller(websites, reconciler)
}

/// The deployment that a site should have. Its owner, its namespace and what it leaves out are not its
/// concern.
fn deployment_for(site: &Website) -> Deployment {
    let labels = BTreeMap::from([("example.pilothouse.dev/website".to_owned(), site.key().name.to_string())]);
    let container = Container {
        name: "site".into(),
        image: Some(site.spec.image.clone()),
        ports: Some(vec![ContainerPort { container_port: 8080, ..ContainerPort::default() }]),
        ..Container::default()
    };
    Deployment {
        metadata: ObjectMeta { name: site.metadata.name.clone(), ..ObjectMeta::default() },
        spec: Some(DeploymentSpec {
            replicas: Some(site.spec.replicas),
            selector: LabelSelector { match_labels: Some(labels.clone()), ..LabelSelector::default() },
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta { labels: Some(labels), ..ObjectMeta::default() }),
                spec: Some(PodSpec { containers: vec![container], ..PodSpec::default() }),
            },
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

fn observe(status: &mut WebsiteStatus, site: &Website, deployment: &Deployment, now: jiff::Timestamp) {
    let ready = deployment.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0);
    let complete = ready >= site.spec.replicas;
    status.observed_generation = site.metadata.generation;
    status.ready_replicas = ready;
    status.url = complete.then(|| format!("https://{}/", site.spec.host));
    let reason = if complete { "AllReplicasReady" } else { "WaitingForReplicas" };
    let message = format!("{ready} of {} replicas are ready", site.spec.replicas);
    let generation = site.metadata.generation;
    set_condition(&mut status.conditions, "Ready", complete, (reason, &message), generation, now);
    let why = ("Published", "the route is known to the web server");
    set_condition(&mut status.conditions, "Routed", true, why, generation, now);
}

fn is_ready(status: Option<&WebsiteStatus>) -> bool {
    let ready = |condition: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| {
        condition.type_ == "Ready" && condition.status == "True"
    };
    status.is_some_and(|status| status.conditions.iter().any(ready))
}
