//! `kubectl` against `pilothouse apiserver --simulate`: what needs pods that run and controllers that act. Skipped, with a
//! message, where there is no kubectl.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "each test file uses its own part")]
mod support;

use support::{Kubectl, Pilothouse, kubectl_path};

const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: c, image: 'nginx:1', ports: [{containerPort: 80}]}
";

struct Session {
    kubectl: Kubectl,
    _process: Pilothouse,
    folder: tempfile::TempDir,
}

impl Session {
    async fn start() -> Option<Self> {
        let Some(path) = kubectl_path() else {
            println!("skipped: there is no kubectl on the PATH");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        let out = kubeconfig.to_str().unwrap();
        let process =
            Pilothouse::start(&["apiserver", "--simulate", "--speed", "10", "--kubeconfig-out", out]).await;
        let cache = folder.path().join("cache");
        Some(Self { kubectl: Kubectl { path, kubeconfig, cache }, _process: process, folder })
    }

    /// What a command prints, with runs of spaces as one.
    async fn run(&self, command: &str) -> String {
        let text = self.kubectl.run(&command.split_whitespace().collect::<Vec<_>>()).await;
        let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The path of a file with this text.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_rollout_is_watched_undone_and_described() {
    let Some(session) = Session::start().await else { return };
    let file = session.file("web.yaml", WEB);
    session.run(&format!("apply -f {file}")).await;
    let rollout = session.run("rollout status deploy/web --timeout=60s").await;
    assert_eq!(rollout.lines().last(), Some("deployment \"web\" successfully rolled out"));
    assert_eq!(session.run("get deploy web -o jsonpath={.metadata.generation}").await, "1");
    assert_eq!(
        session.run("wait pod -l app=web --for=condition=Ready --timeout=60s").await.lines().count(),
        2
    );
    let wide = session.run("get pods -o wide --no-headers").await;
    assert!(wide.lines().all(|line| line.contains(" 1/1 Running 0 ") && line.contains(" 10.244.")), "{wide}");

    session.run("set image deploy/web c=nginx:2").await;
    session.run("rollout status deploy/web --timeout=60s").await;
    let history = session.run("rollout history deploy/web").await;
    assert!(history.contains("1 <none>\n2 <none>"), "{history}");
    assert_eq!(session.run("rollout undo deploy/web").await, "deployment.apps/web rolled back");
    session.run("rollout status deploy/web --timeout=60s").await;
    assert_eq!(
        session.run("get deploy web -o jsonpath={.spec.template.spec.containers[0].image}").await,
        "nginx:1"
    );
    assert_eq!(session.run("rollout restart deploy/web").await, "deployment.apps/web restarted");
    session.run("rollout status deploy/web --timeout=60s").await;

    let described = session.run("describe deploy web").await;
    for line in [
        "Replicas: 2 desired | 2 updated | 2 total | 2 available | 0 unavailable",
        "Available True MinimumReplicasAvailable",
        "OldReplicaSets:",
    ] {
        assert!(described.contains(line), "{line}: {described}");
    }
    let described = session.run("describe pod -l app=web").await;
    for line in ["Service Account: default", "Ready True", "Successfully pulled image \"nginx:1\""] {
        assert!(described.contains(line), "{line}: {described}");
    }
    let events = session.run("get events --field-selector reason=ScalingReplicaSet --no-headers").await;
    assert!(events.contains("deployment/web Scaled up replica set"), "{events}");
    let scaled = session.run("scale deploy web --replicas=3").await;
    assert_eq!(scaled, "deployment.apps/web scaled");
    session.run("wait deploy/web --for=jsonpath={.status.readyReplicas}=3 --timeout=60s").await;
    let node = session.run("describe node node-1").await;
    assert!(node.contains("Ready True") && node.contains("Non-terminated Pods:"), "{node}");
}

#[tokio::test]
async fn jobs_end_and_deletions_cascade_as_told() {
    let Some(session) = Session::start().await else { return };
    session.run("create job sums --image=busybox -- true").await;
    assert_eq!(
        session.run("wait job/sums --for=condition=complete --timeout=60s").await,
        "job.batch/sums condition met"
    );
    assert!(session.run("get job sums --no-headers").await.starts_with("sums Complete 1/1"));
    assert_eq!(session.run("delete job sums").await, "job.batch \"sums\" deleted");
    session.run("wait pod -l job-name=sums --for=delete --timeout=60s").await;

    let file = session.file("web.yaml", WEB);
    for (cascade, left) in [("background", 0), ("foreground", 0), ("orphan", 1)] {
        session.run(&format!("apply -f {file}")).await;
        session.run("rollout status deploy/web --timeout=60s").await;
        let said = session.run(&format!("delete deploy web --cascade={cascade} --timeout=60s")).await;
        assert_eq!(said, "deployment.apps \"web\" deleted");
        if left == 0 {
            session.run("wait rs -l app=web --for=delete --timeout=60s").await;
        }
        let sets = session.run("get rs -l app=web -o name").await;
        assert_eq!(sets.lines().count(), left, "{cascade}: {sets}");
    }
    let owners = session.run("get rs -l app=web -o jsonpath={.items[*].metadata.ownerReferences}").await;
    assert_eq!(owners, "", "an orphan has no owner");
    session.run("create namespace team").await;
    session.run("create configmap c -n team --from-literal=a=b").await;
    assert_eq!(session.run("delete namespace team --timeout=60s").await, "namespace \"team\" deleted");
    assert_eq!(session.run("get namespaces team --ignore-not-found").await, "");
    let kept = session.run("get serviceaccounts,configmaps -n kube-public -o name").await;
    assert_eq!(kept, "serviceaccount/default\nconfigmap/kube-root-ca.crt");
}
