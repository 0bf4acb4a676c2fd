//! The type `Record`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A name in the zone.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "example.pilothouse.dev",
    version = "v1",
    kind = "Record",
    namespaced,
    status = "RecordStatus",
    derive = "PartialEq",
    printcolumn = r#"{"name": "Published", "type": "string", "jsonPath": ".status.conditions[0].status"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[0].reason"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct RecordSpec {
    /// The name, within the zone.
    pub name: String,
    /// The IPv4 address that it stands for.
    pub address: String,
}

/// How publishing goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RecordStatus {
    /// The generation of the record that this status is about.
    pub observed_generation: Option<i64>,
    /// `Published`: whether the zone has the record as it should be.
    pub conditions: Vec<Condition>,
}
