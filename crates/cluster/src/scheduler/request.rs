//! What a pod asks of a node, and what a node offers.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Node, Pod};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::quantity::thousandths;

/// Amounts by resource name, in thousandths.
pub(crate) type Amounts = BTreeMap<String, i128>;

/// The resource that counts pods.
pub(crate) const PODS: &str = "pods";

/// The sum of a pod's requests: its containers and sidecars together, or its largest init container where that is
/// more, plus overhead, plus one pod.
pub(crate) fn requests(pod: &Pod) -> Amounts {
    let mut total = Amounts::new();
    if let Some(spec) = &pod.spec {
        for container in &spec.containers {
            add(&mut total, &of_container(container));
        }
        let mut sidecars = Amounts::new();
        let mut peak = Amounts::new();
        for container in spec.init_containers.as_deref().unwrap_or_default() {
            let mut wanted = of_container(container);
            add(&mut wanted, &sidecars);
            if container.restart_policy.as_deref() == Some("Always") {
                add(&mut sidecars, &of_container(container));
            }
            for (name, amount) in wanted {
                let peak = peak.entry(name).or_default();
                *peak = amount.max(*peak);
            }
        }
        add(&mut total, &sidecars);
        for (name, amount) in peak {
            let total = total.entry(name).or_default();
            *total = amount.max(*total);
        }
        add(&mut total, &amounts(spec.overhead.as_ref()));
    }
    total.insert(PODS.to_owned(), 1000);
    total
}

/// What the node lets pods use.
pub(crate) fn allocatable(node: &Node) -> Amounts {
    let status = node.status.as_ref();
    amounts(status.and_then(|status| status.allocatable.as_ref().or(status.capacity.as_ref())))
}

/// A limit without a request is the request.
fn of_container(container: &Container) -> Amounts {
    let resources = container.resources.as_ref();
    let mut wanted = amounts(resources.and_then(|resources| resources.limits.as_ref()));
    wanted.extend(amounts(resources.and_then(|resources| resources.requests.as_ref())));
    wanted
}

fn amounts(quantities: Option<&BTreeMap<String, Quantity>>) -> Amounts {
    let quantities = quantities.into_iter().flatten();
    quantities.filter_map(|(name, quantity)| Some((name.clone(), thousandths(&quantity.0)?))).collect()
}

pub(crate) fn add(total: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        *total.entry(name.clone()).or_default() += amount;
    }
}

pub(crate) fn subtract(total: &mut Amounts, less: &Amounts) {
    for (name, amount) in less {
        *total.entry(name.clone()).or_default() -= amount;
    }
    total.retain(|_, amount| *amount != 0);
}
