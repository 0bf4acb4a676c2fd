//! The manifests, on an API server that decides by them.

use std::net::SocketAddr;
use std::path::PathBuf;

use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use pilothouse::manager::Configuration;
use pilothouse::{Client, ClientOptions, Environment, Error, Manager, Metrics, MetricsAccess, Patch};
use pilothouse_apiserver::{ApiServer, Authorization, User};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

fn manifests(path: &str) -> Vec<Value> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let text = std::fs::read_to_string(file).unwrap();
    text.split("\n---\n").map(|document| serde_saphyr::from_str(document).unwrap()).collect()
}

/// Where an object of a manifest is.
fn path_of(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let plural = match text("/kind") {
        "ClusterRole" => "clusterroles",
        "ClusterRoleBinding" => "clusterrolebindings",
        "ConfigMap" => "configmaps",
        "Deployment" => "deployments",
        "Role" => "roles",
        "RoleBinding" => "rolebindings",
        "Service" => "services",
        "ServiceAccount" => "serviceaccounts",
        "ServiceMonitor" => "servicemonitors",
        other => panic!("a kind without a path: {other}"),
    };
    let version = text("/apiVersion");
    let root = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
    let name = text("/metadata/name");
    match text("/metadata/namespace") {
        "" => format!("{root}/{plural}/{name}"),
        namespace => format!("{root}/namespaces/{namespace}/{plural}/{name}"),
    }
}

/// The type of the Prometheus operator, as far as a manifest needs it.
fn service_monitors() -> Value {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let version =
        json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}});
    let names = json!({"plural": "servicemonitors", "singular": "servicemonitor", "kind": "ServiceMonitor",
        "listKind": "ServiceMonitorList"});
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "servicemonitors.monitoring.coreos.com"},
        "spec": {"group": "monitoring.coreos.com", "scope": "Namespaced", "names": names, "versions": [version]}})
}

/// A server with everything that `deploy/` and the example have applied to it.
async fn cluster() -> ApiServer {
    let tokens = [
        ("reader", User::service_account("monitoring", "prometheus-k8s")),
        ("stranger", User::new("mallory").with_group("system:authenticated")),
        ("on-call", User::new("ann")),
    ];
    let environment = Environment::real();
    let builder = ApiServer::builder().environment(environment.clone()).authorization(Authorization::Rbac);
    let server = builder.tokens(tokens).build();
    let inner = kube::Client::new(server.clone(), "default");
    let client = Client::new(inner, ClientOptions::unlimited(), &environment, &Metrics::new());
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "website-system"}});
    client.post_json("/api/v1/namespaces", &namespace).await.unwrap();
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    client.post_json(definitions, &service_monitors()).await.unwrap();
    for file in [
        "examples/website/deploy/rbac.yaml",
        "deploy/manifests/operator.yaml",
        "deploy/manifests/metrics.yaml",
        "deploy/manifests/service-monitor.yaml",
    ] {
        for object in manifests(file) {
            let path = path_of(&object);
            client.patch_json(&path, &Patch::apply(&object).unwrap()).await.unwrap();
            let stored = client.get_json(&path).await.unwrap();
            let missing = missing(&object, &stored);
            assert!(missing.is_empty(), "{path} lost {missing:?}");
        }
    }
    // The manifests leave to people who may look at dead letters.
    let group = "rbac.authorization.k8s.io";
    let binding = json!({"apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding",
        "metadata": {"name": "on-call"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "website-operator-dead-letters"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "ann"}]});
    client.post_json(&format!("/apis/{group}/v1/clusterrolebindings"), &binding).await.unwrap();
    server
}

/// The paths of fields that were written and are not there: misspelt, or in the wrong place.
fn missing(written: &Value, stored: &Value) -> Vec<String> {
    match (written, stored) {
        (Value::Object(written), Value::Object(stored)) => {
            let of_field = |(name, value): (&String, &Value)| match stored.get(name) {
                Some(found) => missing(value, found).iter().map(|path| format!("{name}.{path}")).collect(),
                None => vec![name.clone()],
            };
            written.iter().flat_map(of_field).collect()
        }
        (Value::Array(written), Value::Array(stored)) => {
            written.iter().zip(stored).flat_map(|(one, other)| missing(one, other)).collect()
        }
        _ => Vec::new(),
    }
}

async fn ask(address: SocketAddr, method: &str, path: &str, token: Option<&str>) -> u16 {
    let client: HttpClient<_, Empty<bytes::Bytes>> = HttpClient::builder(TokioExecutor::new()).build_http();
    let mut request = http::Request::builder().method(method).uri(format!("http://{address}{path}"));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response = client.request(request.body(Empty::new()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let _ = response.into_body().collect().await.unwrap();
    status
}

/// A manager that asks the server as `account` who may.
struct Guarded {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), Error>>,
}

impl Guarded {
    async fn start(server: &ApiServer, account: &str) -> Self {
        let (environment, metrics) = (Environment::real(), Metrics::new());
        let account = server.as_user(User::service_account("website-system", account));
        let inner = kube::Client::new(account, "website-system");
        let client = Client::new(inner, ClientOptions::default(), &environment, &metrics);
        let (report, reported) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let manager = Manager::new("website-operator")
            .client(client)
            .environment(environment.clone())
            .metrics(metrics)
            .serve_metrics(([127, 0, 0, 1], 0))
            .metrics_access(MetricsAccess::Delegated)
            .on_listening(move |address| {
                let _ = report.send(address);
            });
        let running = environment.spawn("manager", manager.run_until(async { drop(stopped.await) }));
        Self { address: reported.await.unwrap(), stop, running }
    }

    async fn stop(self) {
        drop(self.stop);
        self.running.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn z2_the_manifests_decide_who_may_read_metrics_and_change_dead_letters() {
    let server = cluster().await;
    let manager = Guarded::start(&server, "website-operator").await;
    for (method, path, token, expected) in [
        ("GET", "/metrics", None, 401),
        ("GET", "/metrics", Some("made-up"), 401),
        ("GET", "/metrics", Some("stranger"), 403),
        ("GET", "/metrics", Some("reader"), 200),
        ("GET", "/deadletters", Some("reader"), 403),
        ("GET", "/deadletters", Some("on-call"), 200),
        ("GET", "/deadletters/history", Some("on-call"), 200),
        ("POST", "/deadletters/replay?all=true", Some("on-call"), 200),
        ("DELETE", "/deadletters?all=true", Some("on-call"), 200),
        ("DELETE", "/deadletters?all=true", Some("reader"), 403),
        ("GET", "/metrics", Some("on-call"), 403),
        ("GET", "/livez", None, 200),
        ("GET", "/readyz", None, 200),
    ] {
        assert_eq!(ask(manager.address, method, path, token).await, expected, "{method} {path} {token:?}");
    }
    manager.stop().await;
}

#[tokio::test]
async fn z2_a_manager_that_may_not_ask_lets_nobody_in() {
    let server = cluster().await;
    let manager = Guarded::start(&server, "without-rights").await;
    for token in ["reader", "stranger", "made-up"] {
        assert_eq!(ask(manager.address, "GET", "/metrics", Some(token)).await, 503, "{token}");
    }
    assert_eq!(ask(manager.address, "GET", "/livez", None).await, 200);
    manager.stop().await;
}

#[test]
fn the_deployment_runs_what_its_configuration_says() {
    let objects = manifests("deploy/manifests/operator.yaml");
    let text = objects[0]["data"]["config.yaml"].as_str().unwrap();
    let configuration = Configuration::new().yaml("config.yaml", text).unwrap();
    let settings = Manager::new("website-operator").configuration(configuration).settings().unwrap();
    let value = |key: &str| {
        let found = settings.all().iter().find(|setting| setting.key.join(".") == key).unwrap();
        found.value.clone()
    };
    let pod = &objects[1]["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let port = |name: &str| {
        let ports = container["ports"].as_array().unwrap().iter();
        ports.filter(|port| port["name"] == name).find_map(|port| port["containerPort"].as_u64()).unwrap()
    };
    assert_eq!(value("metrics.address"), format!("0.0.0.0:{}", port("metrics")));
    assert_eq!(value("probes.address"), format!("0.0.0.0:{}", port("probes")));
    assert_eq!(value("metrics.access"), "delegated");
    for (probe, path) in [("livenessProbe", "/livez"), ("readinessProbe", "/readyz")] {
        assert_eq!(container[probe]["httpGet"], json!({"path": path, "port": "probes"}));
    }
    let mounts: Vec<&str> = container["volumeMounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| mount["mountPath"].as_str().unwrap())
        .collect();
    for file in ["metrics.certificate", "metrics.key"] {
        assert!(mounts.iter().any(|mount| value(file).starts_with(mount)), "{file} is not mounted");
    }
    let argument = container["args"][0].as_str().unwrap();
    assert!(mounts.contains(&argument.strip_prefix("--config=").unwrap()), "{argument}");
    let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(value("gracePeriod") == "30s" && grace > 30, "kubelet waits longer than the manager");
}
