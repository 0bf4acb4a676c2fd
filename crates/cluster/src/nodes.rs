//! Registers the simulated nodes.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, NodeAddress, NodeCondition, NodeSpec, NodeStatus, NodeSystemInfo};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use pilothouse::{Client, ClientError, ObjectExt};

use crate::options::SimulatedNode;
use crate::pace::stamp;

/// The address of the node at this position.
pub(crate) fn address(position: usize) -> String {
    format!("10.0.{}.{}", position / 250, position % 250 + 1)
}

/// Creates the Node objects, or brings their status up to date where they exist; tries again until the server takes
/// them.
pub(crate) async fn register(client: &Client, nodes: &[SimulatedNode], now: impl Fn() -> Timestamp) {
    for (position, simulated) in nodes.iter().enumerate() {
        let mut pause = Duration::from_millis(50);
        while let Err(error) = register_one(client, &node(simulated, position, now())).await {
            tracing::warn!(%error, node = simulated.name, "cannot register a node; trying again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }
}

async fn register_one(client: &Client, node: &Node) -> Result<(), ClientError> {
    let mut registered = match client.create(node).await {
        Err(error) if error.is_already_exists() => client.get(&node.key()).await?,
        created => created?,
    };
    let is_current = |known: &NodeStatus, wanted: &NodeStatus| {
        known.capacity == wanted.capacity && known.conditions.is_some() && known.addresses == wanted.addresses
    };
    let known = registered.status.clone().unwrap_or_default();
    if node.status.as_ref().is_some_and(|wanted| !is_current(&known, wanted)) {
        registered.status.clone_from(&node.status);
        client.update_status(&registered).await?;
    }
    Ok(())
}

fn node(simulated: &SimulatedNode, position: usize, now: Timestamp) -> Node {
    let mut labels = simulated.labels.clone();
    for (name, value) in [
        ("kubernetes.io/hostname", simulated.name.as_str()),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", "amd64"),
    ] {
        labels.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }
    let capacity = simulated.capacity.iter().map(|(name, amount)| (name.clone(), Quantity(amount.clone())));
    let capacity: std::collections::BTreeMap<_, _> = capacity.collect();
    let address = |kind: &str, address: String| NodeAddress { type_: kind.to_owned(), address };
    Node {
        metadata: ObjectMeta {
            name: Some(simulated.name.clone()),
            labels: Some(labels),
            ..ObjectMeta::default()
        },
        spec: Some(NodeSpec::default()),
        status: Some(NodeStatus {
            allocatable: Some(capacity.clone()),
            capacity: Some(capacity),
            addresses: Some(vec![
                address("InternalIP", self::address(position)),
                address("Hostname", simulated.name.clone()),
            ]),
            conditions: Some(conditions(now)),
            node_info: Some(NodeSystemInfo {
                architecture: "amd64".to_owned(),
                operating_system: "linux".to_owned(),
                os_image: "Pilothouse simulation".to_owned(),
                kubelet_version: format!("v{}-pilothouse", env!("CARGO_PKG_VERSION")),
                container_runtime_version: format!("simulated://{}", env!("CARGO_PKG_VERSION")),
                ..NodeSystemInfo::default()
            }),
            ..NodeStatus::default()
        }),
    }
}

fn conditions(now: Timestamp) -> Vec<NodeCondition> {
    let condition = |kind: &str, value: &str, reason: &str, message: &str| NodeCondition {
        type_: kind.to_owned(),
        status: value.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_heartbeat_time: Some(stamp(now)),
        last_transition_time: Some(stamp(now)),
    };
    vec![
        condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "the node has enough memory"),
        condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "the node has enough disk space"),
        condition("PIDPressure", "False", "KubeletHasSufficientPID", "the node has enough process ids"),
        condition("Ready", "True", "KubeletReady", "the simulated node is ready"),
    ]
}
