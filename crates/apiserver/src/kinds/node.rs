//! Nodes.

use jiff::Timestamp;
use serde_json::Value;

use super::field::{map_under, selectable};
use crate::ApiServer;
use crate::kind::Strategy;
use crate::table;

pub(super) struct NodeStrategy;

impl Strategy for NodeStrategy {
    /// A node is there even with nothing said about it; its kubelet may report its status with the creation.
    fn prepare_create(&self, object: &mut Value, _server: &ApiServer) {
        map_under(object, &["spec"]);
        map_under(object, &["status"]);
    }

    fn selectable_fields(&self, object: &Value) -> Vec<(String, String)> {
        let mut fields = selectable(object, &["spec.unschedulable"]);
        if fields[0].1.is_empty() {
            fields[0].1 = "false".into();
        }
        fields
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        table::core::node(object, now)
    }
}
