//! The real kubectl against the server, over TLS on loopback. Skipped, with a message, where there is no kubectl.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod kubectl_support;

use kubectl_support::Kubectl;

const JOB: &str = "
apiVersion: batch/v1
kind: Job
metadata: {name: sums}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: c, image: 'busybox:1', command: [echo, hi]}]
";

#[tokio::test]
async fn jobs_are_created_shown_and_deleted() {
    let Some(kubectl) = Kubectl::start().await else { return };
    let created = kubectl.ok("create job hello --image=busybox -- echo hi").await;
    assert_eq!(created, "job.batch/hello created");
    assert_eq!(kubectl.with_input("create -f -", JOB).await, "job.batch/sums created");
    let table = kubectl.ok("get jobs,pods").await;
    assert!(
        table.starts_with("NAME STATUS COMPLETIONS DURATION AGE\njob.batch/hello Running 0/1"),
        "{table}"
    );
    let described = kubectl.ok("describe job sums").await;
    assert!(
        described.contains("Completion Mode: NonIndexed") && described.contains("Image: busybox:1"),
        "{described}"
    );
    assert!(kubectl.ok("get jobs -o name").await.contains("job.batch/sums"));
    assert!(kubectl.ok("explain job.spec.parallelism").await.contains("FIELD: parallelism <integer>"));
    assert_eq!(
        kubectl.ok("delete job hello sums").await,
        "job.batch \"hello\" deleted\njob.batch \"sums\" deleted"
    );
    assert!(kubectl.ok("get jobs").await.contains("No resources found"));
    kubectl.handle.shutdown().await;
}

#[tokio::test]
async fn mistakes_are_told_before_anything_is_stored() {
    let Some(kubectl) = Kubectl::start().await else { return };
    let unknown = kubectl
        .refused("create -f -", &JOB.replace("spec:\n  template", "spec:\n  foo: 1\n  template"))
        .await;
    assert!(unknown.contains("strict decoding error: unknown field \"spec.foo\""), "{unknown}");
    let policy = kubectl.refused("apply -f -", &JOB.replace("      restartPolicy: Never\n", "")).await;
    assert!(policy.contains("spec.template.spec.restartPolicy: Required value: valid values"), "{policy}");
    let missing = kubectl.refused("get job sums", "").await;
    assert_eq!(missing.trim(), "Error from server (NotFound): jobs.batch \"sums\" not found");
    kubectl.handle.shutdown().await;
}

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: c, image: 'nginx:1'}]
";

#[tokio::test]
async fn apply_scale_patch_and_label_change_what_they_say() {
    let Some(kubectl) = Kubectl::start().await else { return };
    let created = kubectl.with_input("apply -f -", DEPLOYMENT).await;
    assert_eq!(created, "deployment.apps/web created");
    assert_eq!(kubectl.with_input("apply -f -", DEPLOYMENT).await, "deployment.apps/web unchanged");
    let changed = DEPLOYMENT.replace("nginx:1", "nginx:2");
    assert_eq!(kubectl.with_input("apply -f -", &changed).await, "deployment.apps/web configured");
    assert_eq!(kubectl.ok("scale deploy web --replicas=5").await, "deployment.apps/web scaled");
    assert_eq!(kubectl.ok("label deploy web tier=front").await, "deployment.apps/web labeled");
    let wide = kubectl.ok("get deploy web -o wide --no-headers").await;
    assert!(wide.starts_with("web 0/5 0 0") && wide.ends_with("c nginx:2 app=web"), "{wide}");
    assert_eq!(kubectl.ok("get deploy -l tier=front -o jsonpath={.items[*].spec.replicas}").await, "5");
    kubectl.handle.shutdown().await;
}

const DEFINITION: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wd]}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, required: [size], properties: {size: {type: integer, minimum: 1}}}}
";

#[tokio::test]
async fn custom_resources_are_served_as_soon_as_they_are_defined() {
    let Some(kubectl) = Kubectl::start().await else { return };
    kubectl.with_input("apply -f -", DEFINITION).await;
    kubectl.ok("wait --for=condition=established crd/widgets.example.com --timeout=5s").await;
    let widget = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 3}\n";
    assert_eq!(kubectl.with_input("apply -f -", widget).await, "widget.example.com/w created");
    assert_eq!(kubectl.ok("get wd").await, "NAME SIZE\nw 3");
    let small = kubectl.refused("apply -f -", &widget.replace("size: 3", "size: 0")).await;
    assert!(small.contains("spec.size in body should be greater than or equal to 1"), "{small}");
    kubectl.ok("delete crd widgets.example.com").await;
    assert!(kubectl.refused("get widgets.v1.example.com", "").await.contains("NotFound"));
    kubectl.handle.shutdown().await;
}

#[tokio::test]
async fn get_watch_follows_changes() {
    let Some(kubectl) = Kubectl::start().await else { return };
    kubectl.ok("create configmap a --from-literal=x=1").await;
    let watch = kubectl.run("get configmaps -w --request-timeout=3s", "");
    let change = async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        kubectl.ok("create configmap b --from-literal=x=1 --from-literal=y=1").await
    };
    let (watched, created) = tokio::join!(watch, change);
    assert_eq!(created, "configmap/b created");
    let lines: Vec<_> = watched.text.lines().map(|line| line.split_whitespace().next()).collect();
    assert_eq!(lines, [Some("NAME"), Some("a"), Some("b")], "{}", watched.text);
    kubectl.handle.shutdown().await;
}
