//! The real kubectl asks who it is and what it may do. Skipped, with a message, where there is no kubectl.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::ErrorKind;
use std::process::Stdio;

use pilothouse_apiserver::{
    ApiServer, Authorization, Credentials, ServeOptions, ServerHandle, TlsIdentity, User, kubeconfig,
};
use tokio::process::Command;

/// A served server with RBAC, and kubectl set up for its users.
struct Kubectl {
    directory: tempfile::TempDir,
    handle: ServerHandle,
    tls: TlsIdentity,
}

impl Kubectl {
    /// `None` when there is no kubectl to run.
    async fn start() -> Option<Self> {
        let version = Command::new("kubectl").args(["version", "--client"]).output().await;
        if matches!(&version, Err(error) if error.kind() == ErrorKind::NotFound) {
            println!("skipped: there is no kubectl on the PATH");
            return None;
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bob = User::new("bob").with_group("dev");
        let server =
            ApiServer::builder().authorization(Authorization::Rbac).tokens([("token-of-bob", bob)]).build();
        let tls = TlsIdentity::generate().unwrap();
        let options = ServeOptions { token: Some("token-of-admin".into()), tls: Some(tls.clone()) };
        let handle = server.serve(listener, options).unwrap();
        let kubectl = Self { directory: tempfile::tempdir().unwrap(), handle, tls };
        for name in ["admin", "bob"] {
            kubectl.write_config(name, Some(&*format!("token-of-{name}")).into());
        }
        Some(kubectl)
    }

    fn write_config(&self, name: &str, credentials: Credentials<'_>) {
        let url = format!("https://{}", self.handle.local_addr());
        let text = kubeconfig(&url, credentials, Some(self.tls.certificate_authority()));
        std::fs::write(self.directory.path().join(name), text).unwrap();
    }

    /// What a command of `user` printed, with runs of spaces as one, and whether it succeeded.
    async fn run(&self, user: &str, arguments: &str) -> (bool, String) {
        let mut command = Command::new("kubectl");
        command
            .arg("--kubeconfig")
            .arg(self.directory.path().join(user))
            .arg("--cache-dir")
            .arg(self.directory.path().join("cache"))
            .args(arguments.split_whitespace())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = command.output().await.unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        (output.status.success(), lines.collect::<Vec<_>>().join("\n"))
    }

    async fn ok(&self, user: &str, arguments: &str) -> String {
        let (success, text) = self.run(user, arguments).await;
        assert!(success, "kubectl {arguments}: {text}");
        text
    }

    async fn refused(&self, user: &str, arguments: &str) -> String {
        let (success, text) = self.run(user, arguments).await;
        assert!(!success, "kubectl {arguments} succeeded: {text}");
        text
    }
}

#[tokio::test]
async fn au3_can_i_and_whoami_tell_what_roles_say() {
    let Some(kubectl) = Kubectl::start().await else { return };
    let me = kubectl.ok("bob", "auth whoami").await;
    assert_eq!(me, "ATTRIBUTE VALUE\nUsername bob\nGroups [dev system:authenticated]");
    assert_eq!(kubectl.ok("admin", "auth can-i delete nodes").await.lines().next(), Some("yes"));
    assert_eq!(kubectl.refused("bob", "auth can-i list pods").await.lines().next(), Some("no"));
    kubectl.ok("admin", "create role pods --verb=get,list --resource=pods,deployments/scale").await;
    kubectl.ok("admin", "create rolebinding pods --role=pods --group=dev").await;
    assert_eq!(kubectl.ok("bob", "auth can-i list pods").await, "yes");
    assert_eq!(kubectl.ok("bob", "auth can-i get deployments --subresource=scale").await, "yes");
    assert_eq!(kubectl.ok("bob", "auth can-i get /version").await, "yes");
    assert_eq!(
        kubectl.refused("bob", "auth can-i list pods -n kube-system").await.lines().next(),
        Some("no")
    );
    assert_eq!(kubectl.refused("bob", "auth can-i get /metrics").await.lines().next(), Some("no"));
    let rules = kubectl.ok("bob", "auth can-i --list").await;
    for line in ["pods [] [] [get list]", "deployments.apps/scale [] [] [get list]", "[/version] [] [get]"] {
        assert!(rules.lines().any(|rule| rule == line), "{line} in {rules}");
    }
    assert_eq!(kubectl.ok("bob", "get pods").await, "No resources found in default namespace.");
    let refused = kubectl.refused("bob", "get secrets").await;
    assert_eq!(
        refused,
        "Error from server (Forbidden): secrets is forbidden: User \"bob\" cannot list resource \"secrets\" in API \
         group \"\" in the namespace \"default\""
    );
    let roles = kubectl.ok("admin", "get rolebindings").await;
    assert!(roles.starts_with("NAME ROLE AGE\npods Role/pods"), "{roles}");
    kubectl.handle.shutdown().await;
}

#[tokio::test]
async fn au1_kubectl_comes_with_tokens_of_accounts_with_certificates_and_in_the_name_of_others() {
    let Some(kubectl) = Kubectl::start().await else { return };
    kubectl.ok("admin", "create serviceaccount web").await;
    kubectl.ok("admin", "create rolebinding web --clusterrole=view --serviceaccount=default:web").await;
    let token = kubectl.ok("admin", "create token web --duration=20m --audience=vault").await;
    kubectl.write_config("elsewhere", Some(&*token).into());
    assert!(kubectl.refused("elsewhere", "get pods").await.contains("You must be logged in"));
    let token = kubectl.ok("admin", "create token web").await;
    kubectl.write_config("web", Some(&*token).into());
    assert!(
        kubectl.ok("web", "auth whoami").await.contains("\nUsername system:serviceaccount:default:web\n")
    );
    assert_eq!(kubectl.ok("web", "auth can-i list pods").await, "yes");
    assert_eq!(kubectl.refused("web", "auth can-i list secrets").await.lines().next(), Some("no"));
    assert!(kubectl.refused("admin", "create token absent").await.contains("not found"));

    let ann = kubectl.tls.issue(&User::new("ann").with_group("dev").with_group("system:masters")).unwrap();
    kubectl.write_config("ann", (&ann).into());
    let who = kubectl.ok("ann", "auth whoami").await;
    assert!(who.contains("\nUsername ann\nGroups [dev system:masters system:authenticated]\n"), "{who}");
    kubectl.ok("ann", "create configmap a").await;

    assert_eq!(kubectl.refused("admin", "auth can-i get pods --as=eve").await.lines().next(), Some("no"));
    let who = kubectl.ok("admin", "auth whoami --as=eve --as-group=ops").await;
    assert_eq!(who, "ATTRIBUTE VALUE\nUsername eve\nGroups [ops system:authenticated]");
    let refused = kubectl.refused("bob", "get pods --as=eve").await;
    assert!(refused.contains("User \"bob\" cannot impersonate resource \"users\""), "{refused}");
    kubectl.handle.shutdown().await;
}
