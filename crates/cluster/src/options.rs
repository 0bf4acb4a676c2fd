//! What the simulated cluster looks like.

use std::collections::BTreeMap;

/// Size and speed of a simulated cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterOptions {
    /// The nodes that the cluster registers when it starts.
    pub nodes: Vec<SimulatedNode>,
    /// Simulated seconds in a real one: every duration of the simulation is divided by it. 1 where it is not a
    /// positive number.
    pub speed: f64,
}

impl Default for ClusterOptions {
    /// Three nodes at the speed of life, one of them with four accelerators.
    fn default() -> Self {
        let nodes = vec![
            SimulatedNode::new("node-1"),
            SimulatedNode::new("node-2"),
            SimulatedNode::new("gpu-1").with_resource("nvidia.com/gpu", "4"),
        ];
        Self { nodes, speed: 1.0 }
    }
}

impl ClusterOptions {
    /// The same nodes at another speed.
    pub fn with_speed(self, speed: f64) -> Self {
        Self { speed, ..self }
    }

    /// Other nodes at the same speed.
    pub fn with_nodes(self, nodes: impl IntoIterator<Item = SimulatedNode>) -> Self {
        Self { nodes: nodes.into_iter().collect(), ..self }
    }
}

/// A node and what it offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedNode {
    /// The name of the Node object.
    pub name: String,
    /// Capacity by resource name, as quantities.
    pub capacity: BTreeMap<String, String>,
    /// Labels beside the usual ones (host name, operating system, architecture).
    pub labels: BTreeMap<String, String>,
}

impl SimulatedNode {
    /// A node with 16 CPUs, 64 GiB of memory and room for 110 pods.
    pub fn new(name: impl Into<String>) -> Self {
        let capacity = [("cpu", "16"), ("memory", "64Gi"), ("pods", "110"), ("ephemeral-storage", "500Gi")];
        let capacity = capacity.map(|(name, amount)| (name.to_owned(), amount.to_owned()));
        Self { name: name.into(), capacity: BTreeMap::from(capacity), labels: BTreeMap::new() }
    }

    /// The same node with this much of a resource.
    pub fn with_resource(mut self, name: impl Into<String>, amount: impl Into<String>) -> Self {
        self.capacity.insert(name.into(), amount.into());
        self
    }

    /// The same node with a label.
    pub fn with_label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }
}
