//! The real kubectl asks who it is and what it may do. Skipped, with a message, where there is no kubectl.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod kubectl_support;

use kubectl_support::Kubectl;
use pilothouse_apiserver::{ApiServer, Authorization, User};

/// A server with RBAC and kubectl for its users; `None` when there is no kubectl to run.
async fn start() -> Option<Kubectl> {
    let bob = User::new("bob").with_group("dev");
    let server = ApiServer::builder().authorization(Authorization::Rbac).tokens([("token-of-bob", bob)]);
    let kubectl = Kubectl::serving(server.build()).await?;
    kubectl.write_config("bob", Some("token-of-bob").into());
    Some(kubectl)
}

#[tokio::test]
async fn au3_can_i_and_whoami_tell_what_roles_say() {
    let Some(kubectl) = start().await else { return };
    let me = kubectl.ok_as("bob", "auth whoami").await;
    assert_eq!(me, "ATTRIBUTE VALUE\nUsername bob\nGroups [dev system:authenticated]");
    assert_eq!(kubectl.ok_as("admin", "auth can-i delete nodes").await.lines().next(), Some("yes"));
    assert_eq!(kubectl.refused_as("bob", "auth can-i list pods").await.lines().next(), Some("no"));
    kubectl.ok_as("admin", "create role pods --verb=get,list --resource=pods,deployments/scale").await;
    kubectl.ok_as("admin", "create rolebinding pods --role=pods --group=dev").await;
    assert_eq!(kubectl.ok_as("bob", "auth can-i list pods").await, "yes");
    assert_eq!(kubectl.ok_as("bob", "auth can-i get deployments --subresource=scale").await, "yes");
    assert_eq!(kubectl.ok_as("bob", "auth can-i get /version").await, "yes");
    assert_eq!(
        kubectl.refused_as("bob", "auth can-i list pods -n kube-system").await.lines().next(),
        Some("no")
    );
    assert_eq!(kubectl.refused_as("bob", "auth can-i get /metrics").await.lines().next(), Some("no"));
    let rules = kubectl.ok_as("bob", "auth can-i --list").await;
    for line in ["pods [] [] [get list]", "deployments.apps/scale [] [] [get list]", "[/version] [] [get]"] {
        assert!(rules.lines().any(|rule| rule == line), "{line} in {rules}");
    }
    assert_eq!(kubectl.ok_as("bob", "get pods").await, "No resources found in default namespace.");
    let refused = kubectl.refused_as("bob", "get secrets").await;
    assert_eq!(
        refused,
        "Error from server (Forbidden): secrets is forbidden: User \"bob\" cannot list resource \"secrets\" in API \
         group \"\" in the namespace \"default\""
    );
    let roles = kubectl.ok_as("admin", "get rolebindings").await;
    assert!(roles.starts_with("NAME ROLE AGE\npods Role/pods"), "{roles}");
    kubectl.handle.shutdown().await;
}

#[tokio::test]
async fn au1_kubectl_comes_with_tokens_of_accounts_with_certificates_and_in_the_name_of_others() {
    let Some(kubectl) = start().await else { return };
    kubectl.ok_as("admin", "create serviceaccount web").await;
    kubectl.ok_as("admin", "create rolebinding web --clusterrole=view --serviceaccount=default:web").await;
    let token = kubectl.ok_as("admin", "create token web --duration=20m --audience=vault").await;
    kubectl.write_config("elsewhere", Some(&*token).into());
    assert!(kubectl.refused_as("elsewhere", "get pods").await.contains("You must be logged in"));
    let token = kubectl.ok_as("admin", "create token web").await;
    kubectl.write_config("web", Some(&*token).into());
    assert!(
        kubectl.ok_as("web", "auth whoami").await.contains("\nUsername system:serviceaccount:default:web\n")
    );
    assert_eq!(kubectl.ok_as("web", "auth can-i list pods").await, "yes");
    assert_eq!(kubectl.refused_as("web", "auth can-i list secrets").await.lines().next(), Some("no"));
    assert!(kubectl.refused_as("admin", "create token absent").await.contains("not found"));

    let ann = kubectl.tls.issue(&User::new("ann").with_group("dev").with_group("system:masters")).unwrap();
    kubectl.write_config("ann", (&ann).into());
    let who = kubectl.ok_as("ann", "auth whoami").await;
    assert!(who.contains("\nUsername ann\nGroups [dev system:masters system:authenticated]\n"), "{who}");
    kubectl.ok_as("ann", "create configmap a").await;

    assert_eq!(kubectl.refused_as("admin", "auth can-i get pods --as=eve").await.lines().next(), Some("no"));
    let who = kubectl.ok_as("admin", "auth whoami --as=eve --as-group=ops").await;
    assert_eq!(who, "ATTRIBUTE VALUE\nUsername eve\nGroups [ops system:authenticated]");
    let refused = kubectl.refused_as("bob", "get pods --as=eve").await;
    assert!(refused.contains("User \"bob\" cannot impersonate resource \"users\""), "{refused}");
    let who = kubectl.ok_as("admin", "auth whoami --as=jörg").await;
    assert!(who.contains("\nUsername jörg\n"), "{who}");
    kubectl.handle.shutdown().await;
}
