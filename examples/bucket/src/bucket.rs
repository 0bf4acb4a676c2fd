//! The type `Bucket`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A place for files at the provider.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "example.pilothouse.dev",
    version = "v1",
    kind = "Bucket",
    namespaced,
    status = "BucketStatus",
    derive = "PartialEq",
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].status"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].reason"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct BucketSpec {
    /// Where the provider keeps it.
    pub region: String,
    /// The config map beside the bucket that says in `policy` who may read it. Nobody else may without one.
    pub policy: Option<String>,
}

/// How the bucket is doing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BucketStatus {
    /// The generation of the bucket that this status is about.
    pub observed_generation: Option<i64>,
    /// Its name at the provider.
    pub outside_name: Option<String>,
    /// `Ready`: whether files can be put into it.
    pub conditions: Vec<Condition>,
}
