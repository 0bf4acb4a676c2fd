//! What kubectl prints for each command that needs no running pods, over TLS on loopback. Skipped, with a message, where
//! there is no kubectl.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod kubectl_support;

use kubectl_support::{Kubectl, squeezed};

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: c, image: 'nginx:1', ports: [{containerPort: 80}]}
";

/// Runs commands one after another and compares what each prints.
async fn prints(kubectl: &Kubectl, session: &[(&str, &str)]) {
    for (command, expected) in session {
        assert_eq!(kubectl.ok(command).await, *expected, "kubectl {command}");
    }
}

#[tokio::test]
async fn get_prints_what_each_format_asks_for() {
    let Some(kubectl) = Kubectl::start().await else { return };
    kubectl.with_input("create -f -", DEPLOYMENT).await;
    let session = [
        ("get deploy web --no-headers -o custom-columns=N:.metadata.name,R:.spec.replicas", "web 2"),
        ("get deploy web -o jsonpath={.spec.template.spec.containers[*].image}", "nginx:1"),
        ("get deploy web -o go-template={{.metadata.name}}/{{.metadata.generation}}", "web/1"),
        ("get deploy,svc -o name", "deployment.apps/web"),
        ("get deploy --show-labels --no-headers", "web 0/2 0 0 0s app=web"),
        ("get deploy -L app --no-headers", "web 0/2 0 0 0s web"),
        ("get deploy -l app=other", "No resources found in default namespace."),
        ("get deploy --field-selector metadata.name=web -o name", "deployment.apps/web"),
        ("get deploy web --subresource=scale --no-headers", "web 2 0 0s"),
        ("get deploy -A --no-headers", "default web 0/2 0 0 0s"),
        ("get --raw /healthz", "ok"),
    ];
    for (command, expected) in session {
        let printed = kubectl.ok(command).await;
        // The age depends on the machine.
        let words: Vec<_> = printed.split(' ').collect();
        let is_age = |word: &str| word.strip_suffix('s').is_some_and(|seconds| seconds.parse::<u8>().is_ok());
        let words: Vec<_> = words.into_iter().map(|word| if is_age(word) { "0s" } else { word }).collect();
        assert_eq!(words.join(" "), expected, "kubectl {command}");
    }
    let yaml = kubectl.ok("get deploy web -o yaml").await;
    for line in
        ["progressDeadlineSeconds: 600", "maxSurge: 25%", "terminationGracePeriodSeconds: 30", "status: {}"]
    {
        assert!(yaml.lines().any(|found| found == line), "{line}: {yaml}");
    }
    assert!(!yaml.contains("managedFields"));
    assert!(
        kubectl.ok("get deploy web -o yaml --show-managed-fields").await.contains("manager: kubectl-create")
    );
    let json = kubectl.run("get deploy web -o json", "").await.text;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["spec"]["strategy"]["type"], "RollingUpdate");
    let wide = kubectl.ok("get deploy -o wide").await;
    assert!(
        wide.starts_with("NAME READY UP-TO-DATE AVAILABLE AGE CONTAINERS IMAGES SELECTOR\nweb 0/2 0 0"),
        "{wide}"
    );
    assert!(wide.ends_with("c nginx:1 app=web"), "{wide}");
    let raw = kubectl.ok("get --raw /livez?verbose").await;
    assert!(raw.ends_with("livez check passed"), "{raw}");
    kubectl.handle.shutdown().await;
}

#[tokio::test]
async fn things_are_made_by_command() {
    let Some(kubectl) = Kubectl::start().await else { return };
    let session = [
        ("create namespace team", "namespace/team created"),
        ("create deployment d --image=nginx --replicas=2", "deployment.apps/d created"),
        ("create configmap c --from-literal=a=b", "configmap/c created"),
        ("create secret generic s --from-literal=p=q", "secret/s created"),
        ("create serviceaccount robot", "serviceaccount/robot created"),
        ("create service nodeport s --tcp=80:80", "service/s created"),
        ("create job j --image=busybox -- true", "job.batch/j created"),
        ("create cronjob n --image=busybox --schedule=@daily -- true", "cronjob.batch/n created"),
        ("create job again --from=cronjob/n", "job.batch/again created"),
        ("create role r --verb=get --resource=pods", "role.rbac.authorization.k8s.io/r created"),
        ("create rolebinding b --role=r --user=bob", "rolebinding.rbac.authorization.k8s.io/b created"),
        ("create quota q --hard=pods=5", "resourcequota/q created"),
        ("create pdb p --selector=app=web --min-available=1", "poddisruptionbudget.policy/p created"),
        ("create ingress i --rule=a.example.com/x=web:80", "ingress.networking.k8s.io/i created"),
        ("create priorityclass high --value=10", "priorityclass.scheduling.k8s.io/high created"),
        ("run r --image=busybox --restart=Never -- true", "pod/r created"),
        ("expose deploy d --port=80", "service/d exposed"),
        ("autoscale deploy d --min=1 --max=3", "horizontalpodautoscaler.autoscaling/d autoscaled"),
        ("set image deploy/d nginx=nginx:2", "deployment.apps/d image updated"),
        ("set env deploy/d A=B", "deployment.apps/d env updated"),
    ];
    prints(&kubectl, &session).await;
    let all = kubectl.ok("get hpa,pdb,ing,quota,pc --no-headers").await;
    for line in [
        "poddisruptionbudget.policy/p 1 N/A 0",
        "ingress.networking.k8s.io/i <none> a.example.com 80",
        "resourcequota/q pods: 0/5",
    ] {
        assert!(all.contains(line), "{line}: {all}");
    }
    assert!(kubectl.ok("describe hpa d").await.contains("Deployment/d"));
    let again = kubectl.refused("create configmap c", "").await;
    assert_eq!(again.trim(), "error: failed to create configmap: configmaps \"c\" already exists");
    kubectl.handle.shutdown().await;
}

#[tokio::test]
async fn objects_are_changed_in_every_way() {
    let Some(kubectl) = Kubectl::start().await else { return };
    kubectl.with_input("apply -f -", DEPLOYMENT).await;
    let patches = [
        (["--type=strategic", r#"{"spec":{"replicas":3}}"#], "patched"),
        (["--type=merge", r#"{"spec":{"replicas":3}}"#], "patched (no change)"),
        (["--type=json", r#"[{"op":"replace","path":"/spec/replicas","value":4}]"#], "patched"),
    ];
    for ([kind, patch], said) in patches {
        let printed = kubectl.words(&["patch", "deploy", "web", kind, "-p", patch]).await;
        assert_eq!(printed, format!("deployment.apps/web {said}"));
    }
    let through =
        ["patch", "deploy", "web", "--subresource=scale", "--type=merge", "-p", r#"{"spec":{"replicas":5}}"#];
    assert_eq!(kubectl.words(&through).await, "scale.autoscaling/web patched");
    let session = [
        ("scale deploy web --replicas=2 --current-replicas=5", "deployment.apps/web scaled"),
        ("label deploy web tier=front", "deployment.apps/web labeled"),
        ("label deploy web tier=back --overwrite", "deployment.apps/web labeled"),
        ("label deploy web tier-", "deployment.apps/web unlabeled"),
        ("annotate deploy web note=x", "deployment.apps/web annotated"),
        ("annotate deploy web note-", "deployment.apps/web annotated"),
        ("get deploy web -o jsonpath={.spec.replicas}{.metadata.labels}", "2{\"app\":\"web\"}"),
    ];
    prints(&kubectl, &session).await;
    assert!(
        kubectl
            .refused("label deploy web app=x", "")
            .await
            .contains("already has a value (web), and --overwrite")
    );
    assert!(
        kubectl.refused("scale deploy web --replicas=1 --current-replicas=9", "").await.contains("was 2")
    );
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata:\n  k: |\n    YWJj\n    ZGVm\n";
    kubectl.with_input("apply -f -", secret).await;
    assert_eq!(kubectl.ok("get secret s -o jsonpath={.data.k}").await, "YWJjZGVm");
    kubectl.handle.shutdown().await;
}

#[tokio::test]
async fn apply_diff_and_edit_say_what_changes() {
    let Some(kubectl) = Kubectl::start().await else { return };
    kubectl.with_input("apply -f -", DEPLOYMENT).await;
    let changed = DEPLOYMENT.replace("nginx:1", "nginx:2");
    assert_eq!(kubectl.run("diff -f -", DEPLOYMENT).await.text, "");
    let diff = kubectl.run("diff -f -", &changed).await;
    let diff_lines = squeezed(&diff.text);
    assert!(!diff.success && diff_lines.contains("- - image: nginx:1\n+ - image: nginx:2"), "{}", diff.text);
    assert!(diff_lines.contains("- generation: 1\n+ generation: 2"), "{}", diff.text);
    let dry = kubectl.with_input("apply --dry-run=server -f -", &changed).await;
    assert_eq!(dry, "deployment.apps/web configured (server dry run)");
    assert_eq!(kubectl.ok("get deploy web -o jsonpath={.metadata.generation}").await, "1");

    let conflict = kubectl.refused("apply --server-side --field-manager=other -f -", &changed).await;
    let said = "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using apps/v1: \
                .spec.template.spec.containers[name=\"c\"].image";
    assert!(conflict.contains(said), "{conflict}");
    let forced = "apply --server-side --field-manager=other --force-conflicts -f -";
    assert_eq!(kubectl.with_input(forced, &changed).await, "deployment.apps/web serverside-applied");

    let script = kubectl.path("editor");
    std::fs::write(&script, "#!/bin/sh\nsed -i 's/replicas: 2/replicas: 3/' \"$1\"\n").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    }
    let edited =
        kubectl.run_words(&["edit", "deploy", "web"], "", &[("KUBE_EDITOR", script.to_str().unwrap())]).await;
    assert_eq!(edited.text.trim(), "deployment.apps/web edited");
    assert_eq!(kubectl.ok("get deploy web -o jsonpath={.spec.replicas}").await, "3");
    let untouched = kubectl.run_words(&["edit", "deploy", "web"], "", &[("KUBE_EDITOR", "true")]).await;
    assert_eq!(untouched.text.trim(), "Edit cancelled, no changes made.");
    kubectl.handle.shutdown().await;
}

#[tokio::test]
async fn the_server_explains_itself() {
    let Some(kubectl) = Kubectl::start().await else { return };
    let resources = kubectl.ok("api-resources --no-headers").await;
    for line in [
        "pods po v1 true Pod",
        "deployments deploy apps/v1 true Deployment",
        "horizontalpodautoscalers hpa autoscaling/v2 true HorizontalPodAutoscaler",
        "customresourcedefinitions crd,crds apiextensions.k8s.io/v1 false CustomResourceDefinition",
        "storageclasses sc storage.k8s.io/v1 false StorageClass",
    ] {
        assert!(resources.lines().any(|found| found == line), "{line}: {resources}");
    }
    let versions = kubectl.ok("api-versions").await;
    assert!(versions.lines().any(|line| line == "events.k8s.io/v1"), "{versions}");
    let tree = kubectl.ok("explain deploy.spec --recursive").await;
    for line in [
        "rollingUpdate <RollingUpdateDeployment>",
        "maxSurge <IntOrString>",
        "selector <LabelSelector> -required-",
        "containers <[]Container> -required-",
    ] {
        assert!(tree.lines().any(|found| found == line), "{line}: {tree}");
    }
    assert_eq!(
        kubectl.refused("explain deploy.spec.none", "").await.lines().last(),
        Some("error: field \"none\" does not exist")
    );
    let top = kubectl.refused("top nodes", "").await;
    assert_eq!(top.trim(), "error: Metrics API not available");
    assert!(kubectl.ok("version").await.contains("Server Version: v1."));
    assert!(
        kubectl
            .refused("get nonsense", "")
            .await
            .contains("the server doesn't have a resource type \"nonsense\"")
    );
    kubectl.handle.shutdown().await;
}
