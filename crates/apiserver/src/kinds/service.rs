//! Services: defaults and addresses. No packet is ever routed to them.

use jiff::Timestamp;
use pilothouse_machinery::StatusCause;
use serde_json::{Value, json};

use super::container::one_of;
use super::field::{list, map_under, selectable, set_default, set_default_text, text};
use super::{causes, format};
use crate::ApiServer;
use crate::kind::Strategy;
use crate::table;

pub(super) struct ServiceStrategy;

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

fn has_cluster_ip(object: &Value) -> bool {
    text(object, "/spec/type") != "ExternalName"
}

fn has_node_ports(object: &Value) -> bool {
    matches!(text(object, "/spec/type"), "NodePort" | "LoadBalancer")
}

impl Strategy for ServiceStrategy {
    fn default(&self, object: &mut Value) {
        if let Some(spec) = map_under(object, &["spec"]) {
            set_default_text(spec, "type", "ClusterIP");
            set_default_text(spec, "sessionAffinity", "None");
            for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(port) = port.as_object_mut() {
                    set_default_text(port, "protocol", "TCP");
                    let number = port.get("port").cloned().unwrap_or(Value::Null);
                    set_default(port, "targetPort", number);
                }
            }
            if spec.get("ports").and_then(Value::as_array).is_some_and(Vec::is_empty) {
                spec.remove("ports");
            }
        }
        let (addressed, node_ports) = (has_cluster_ip(object), has_node_ports(object));
        if let Some(spec) = map_under(object, &["spec"]) {
            if addressed {
                set_default_text(spec, "internalTrafficPolicy", "Cluster");
            }
            if node_ports {
                set_default_text(spec, "externalTrafficPolicy", "Cluster");
            }
            if spec["type"] == "LoadBalancer" {
                set_default(spec, "allocateLoadBalancerNodePorts", true);
            }
        }
    }

    fn prepare_create(&self, object: &mut Value, server: &ApiServer) {
        allocate(object, server);
        if let Some(map) = object.as_object_mut() {
            map.insert("status".into(), json!({"loadBalancer": {}}));
        }
    }

    /// An update that leaves the addresses out keeps them.
    fn prepare_update(&self, new: &mut Value, old: &Value) {
        if !has_cluster_ip(new) || !has_cluster_ip(old) {
            return;
        }
        let given = !text(new, "/spec/clusterIP").is_empty();
        if let Some(spec) = map_under(new, &["spec"]) {
            for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                if let Some(value) =
                    old.pointer(&format!("/spec/{key}")).filter(|_| !given || key != "clusterIPs")
                {
                    set_default(spec, key, value.clone());
                }
            }
            if given {
                let address = spec["clusterIP"].clone();
                spec.insert("clusterIPs".into(), json!([address]));
            }
        }
    }

    fn validate(&self, object: &Value) -> Vec<StatusCause> {
        let spec = object.get("spec").unwrap_or(&Value::Null);
        let mut found = Vec::new();
        let ports = list(spec, "/ports");
        let headless = text(spec, "/clusterIP") == "None";
        if ports.is_empty() && has_cluster_ip(object) && !headless {
            found.push(causes::required("spec.ports", ""));
        }
        one_of(spec, "spec", "type", &TYPES, &mut found);
        one_of(spec, "spec", "sessionAffinity", &["ClientIP", "None"], &mut found);
        for (index, port) in ports.iter().enumerate() {
            validate_port(port, &format!("spec.ports[{index}]"), ports.len() > 1, &mut found);
        }
        if !has_cluster_ip(object) && text(spec, "/externalName").is_empty() {
            found.push(causes::required("spec.externalName", ""));
        }
        found
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<StatusCause> {
        let mut found = self.validate(new);
        let at = |object: &Value| object.pointer("/spec/clusterIPs").cloned().unwrap_or(Value::Null);
        if has_cluster_ip(new) && has_cluster_ip(old) && at(new) != at(old) {
            found.push(causes::invalid("spec.clusterIPs[0]", &at(new), "may not change once set"));
        }
        found
    }

    fn selectable_fields(&self, object: &Value) -> Vec<(String, String)> {
        selectable(object, &["spec.clusterIP", "spec.type"])
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        table::core::service(object, now)
    }
}

fn validate_port(port: &Value, path: &str, named: bool, found: &mut Vec<StatusCause>) {
    let name = text(port, "/name");
    if name.is_empty() && named {
        found.push(causes::required(format!("{path}.name"), ""));
    }
    if !name.is_empty() {
        let wrong = format::label(name);
        found
            .extend(wrong.iter().map(|detail| causes::invalid(format!("{path}.name"), &name.into(), detail)));
    }
    let number = port.get("port").and_then(Value::as_i64).unwrap_or(0);
    if !(1..=65535).contains(&number) {
        let detail = "must be between 1 and 65535, inclusive";
        found.push(causes::invalid(format!("{path}.port"), &number.into(), detail));
    }
    one_of(port, path, "protocol", &["SCTP", "TCP", "UDP"], found);
}

/// Gives a service its address, and its node ports where it has them, from the seed of the server.
///
/// An address is one of 65,000 of `10.96.0.0/16`; two services of one server may, rarely, draw the same.
fn allocate(object: &mut Value, server: &ApiServer) {
    let environment = server.environment();
    let (addressed, node_ports) = (has_cluster_ip(object), has_node_ports(object));
    let Some(spec) = map_under(object, &["spec"]) else { return };
    if addressed {
        let drawn = environment.random_index(65_000) + 10;
        set_default_text(spec, "clusterIP", &format!("10.96.{}.{}", drawn / 256, drawn % 256));
        let address = spec["clusterIP"].clone();
        spec.insert("clusterIPs".into(), json!([address]));
        set_default(spec, "ipFamilies", json!(["IPv4"]));
        set_default_text(spec, "ipFamilyPolicy", "SingleStack");
    }
    if node_ports {
        for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(port) = port.as_object_mut() {
                set_default(port, "nodePort", 30_000 + environment.random_index(2768));
            }
        }
    }
}
