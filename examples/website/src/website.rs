//! The type `Website`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What somebody wants to see on the web.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "example.pilothouse.dev",
    version = "v1",
    kind = "Website",
    namespaced,
    status = "WebsiteStatus",
    derive = "PartialEq",
    shortname = "site",
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].status"}"#,
    printcolumn = r#"{"name": "URL", "type": "string", "jsonPath": ".status.url"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct WebsiteSpec {
    /// The image that serves the site on port 8080.
    pub image: String,
    /// How many copies run.
    #[serde(default = "one")]
    pub replicas: i32,
    /// The name under which the site is reached.
    pub host: String,
}

/// How the site is doing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WebsiteStatus {
    /// The generation of the site that this status is about.
    pub observed_generation: Option<i64>,
    /// How many copies are ready.
    pub ready_replicas: i32,
    /// Where the site is reached, once all copies are ready.
    pub url: Option<String>,
    /// `Routed`: whether the route is published. `Ready`: whether all copies are.
    pub conditions: Vec<Condition>,
}

fn one() -> i32 {
    1
}
