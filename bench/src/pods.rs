//! Pods as a cluster has them: 4 to 9 kB, of which a third is `managedFields`.

use serde_json::{Map, Value, json};

const NAMESPACES: u32 = 40;
const CREATED: &str = "2026-03-02T08:15:30Z";

/// The pod with this number, at version `version`, without `apiVersion` and `kind`, as items of lists are.
pub(crate) fn pod(number: u32, version: u32) -> Value {
    let containers = [1, 1, 2, 1][number as usize % 4];
    let application = format!("service-{:03}", number / 25);
    let labels = json!({
        "app.kubernetes.io/name": application,
        "app.kubernetes.io/instance": format!("{application}-production"),
        "app.kubernetes.io/managed-by": "Helm",
        "pod-template-hash": template_hash(number),
    });
    json!({
        "metadata": {
            "name": format!("{application}-{}-{number:05x}", template_hash(number)),
            "generateName": format!("{application}-{}-", template_hash(number)),
            "namespace": format!("team-{:02}", number % NAMESPACES),
            "uid": uid(number, 0xa11c),
            "resourceVersion": version.to_string(),
            "generation": 1,
            "creationTimestamp": CREATED,
            "labels": labels,
            "annotations": {
                "checksum/config": format!("{:064x}", u128::from(number) * 0x9e37_79b9_7f4a_7c15),
                "prometheus.io/scrape": "true",
                "prometheus.io/port": "9090",
            },
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "controller": true, "blockOwnerDeletion": true,
                "name": format!("{application}-{}", template_hash(number)), "uid": uid(number / 25, 0x0e75),
            }],
            "managedFields": [controller_fields(containers), kubelet_fields()],
        },
        "spec": spec(number, containers),
        "status": status(number, containers),
    })
}

fn template_hash(number: u32) -> String {
    format!("{:010x}", u64::from(number / 25) * 0x5_1ed2_70b1 % 0xff_ffff_ffff)
}

fn uid(number: u32, kind: u16) -> String {
    format!("{number:08x}-{kind:04x}-4c3e-9d2b-{:012x}", u64::from(number) * 0x9e37_79b9)
}

fn container_name(index: u32) -> &'static str {
    ["application", "proxy", "log-forwarder"][index as usize % 3]
}

fn spec(number: u32, containers: u32) -> Value {
    let containers: Vec<Value> = (0..containers).map(|index| container(number, index)).collect();
    json!({
        "containers": containers,
        "volumes": [
            {"name": "config", "configMap": {"name": format!("service-{:03}-config", number / 25), "defaultMode": 420}},
            {"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}},
            {"name": "kube-api-access-x7k2p", "projected": {"defaultMode": 420, "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [{"path": "namespace",
                    "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
            ]}},
        ],
        "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "default", "serviceAccount": "default", "schedulerName": "default-scheduler",
        "nodeName": format!("node-{:04}", number % 500), "enableServiceLinks": true, "priority": 0,
        "preemptionPolicy": "PreemptLowerPriority", "securityContext": {"runAsNonRoot": true, "fsGroup": 2000},
        "tolerations": [
            {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
            {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute",
                "tolerationSeconds": 300},
        ],
    })
}

fn container(number: u32, index: u32) -> Value {
    let environment: Vec<Value> = (0..4)
        .map(|variable| {
            json!({"name": format!("SETTING_{variable}"), "value": format!("value-{variable}-of-{number}")})
        })
        .chain([json!({"name": "POD_NAME", "valueFrom":
            {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}})])
        .collect();
    let probe = |path: &str| {
        json!({"httpGet": {"path": path, "port": 8080, "scheme": "HTTP"}, "initialDelaySeconds": 5,
            "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3})
    };
    json!({
        "name": container_name(index),
        "image": format!("images.example/{}:1.{}.{}", container_name(index), number % 40, number % 7),
        "args": ["--listen=0.0.0.0:8080", "--log-format=json", format!("--shard={number}")],
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "env": environment,
        "resources": {"limits": {"cpu": "500m", "memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/application", "readOnly": true},
            {"name": "kube-api-access-x7k2p", "readOnly": true,
                "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"},
        ],
        "livenessProbe": probe("/livez"), "readinessProbe": probe("/readyz"),
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true},
    })
}

fn status(number: u32, containers: u32) -> Value {
    let conditions: Vec<Value> = [
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
    ]
    .iter()
    .map(|name| json!({"type": name, "status": "True", "lastProbeTime": null, "lastTransitionTime": CREATED}))
    .collect();
    let statuses: Vec<Value> = (0..containers)
        .map(|index| {
            let digest = format!("{:064x}", u128::from(index + 1) * 0xdead_beef_cafe_f00d);
            json!({
                "name": container_name(index), "ready": true, "started": true, "restartCount": number % 3,
                "state": {"running": {"startedAt": CREATED}}, "lastState": {},
                "image": format!("images.example/{}:1.{}.{}", container_name(index), number % 40, number % 7),
                "imageID": format!("images.example/{}@sha256:{digest}", container_name(index)),
                "containerID": format!("containerd://{digest}"),
            })
        })
        .collect();
    json!({
        "phase": "Running", "conditions": conditions, "containerStatuses": statuses, "qosClass": "Burstable",
        "hostIP": format!("10.0.{}.{}", number % 200, number % 250), "startTime": CREATED,
        "podIP": format!("10.{}.{}.7", number % 100, number % 250),
        "podIPs": [{"ip": format!("10.{}.{}.7", number % 100, number % 250)}],
    })
}

fn controller_fields(containers: u32) -> Value {
    let fields: Map<String, Value> = (0..containers)
        .map(|index| {
            let variables: Map<String, Value> = (0..4)
                .map(|variable| {
                    (format!("k:{{\"name\":\"SETTING_{variable}\"}}"), json!({".": {}, "f:name": {}, "f:value": {}}))
                })
                .collect();
            let probe = json!({".": {}, "f:failureThreshold": {}, "f:httpGet": {".": {}, "f:path": {}, "f:port": {},
                "f:scheme": {}}, "f:initialDelaySeconds": {}, "f:periodSeconds": {}, "f:timeoutSeconds": {}});
            let owned = json!({
                ".": {}, "f:name": {}, "f:image": {}, "f:args": {}, "f:env": variables, "f:imagePullPolicy": {},
                "f:livenessProbe": probe, "f:securityContext": {".": {},
                "f:allowPrivilegeEscalation": {}, "f:readOnlyRootFilesystem": {}}, "f:terminationMessagePath": {},
                "f:resources": {".": {}, "f:limits": {".": {}, "f:cpu": {}, "f:memory": {}},
                    "f:requests": {".": {}, "f:cpu": {}, "f:memory": {}}},
            });
            (format!("k:{{\"name\":\"{}\"}}", container_name(index)), owned)
        })
        .collect();
    json!({
        "manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1", "time": CREATED,
        "fieldsType": "FieldsV1", "fieldsV1": {
            "f:metadata": {"f:annotations": {".": {}, "f:checksum/config": {}, "f:prometheus.io/port": {}},
                "f:generateName": {}, "f:labels": {".": {}, "f:app.kubernetes.io/name": {}, "f:pod-template-hash": {}},
                "f:ownerReferences": {".": {}}},
            "f:spec": {"f:containers": fields, "f:dnsPolicy": {}, "f:enableServiceLinks": {}, "f:restartPolicy": {},
                "f:schedulerName": {}, "f:terminationGracePeriodSeconds": {}, "f:volumes": {".": {},
                "k:{\"name\":\"config\"}": {".": {}, "f:configMap": {".": {}, "f:name": {}}, "f:name": {}}}},
        },
    })
}

fn kubelet_fields() -> Value {
    let condition =
        json!({".": {}, "f:lastProbeTime": {}, "f:lastTransitionTime": {}, "f:status": {}, "f:type": {}});
    json!({
        "manager": "kubelet", "operation": "Update", "apiVersion": "v1", "time": CREATED, "subresource": "status",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:status": {
            "f:conditions": {"k:{\"type\":\"Ready\"}": condition, "k:{\"type\":\"Initialized\"}": condition,
                "k:{\"type\":\"ContainersReady\"}": condition},
            "f:containerStatuses": {}, "f:hostIP": {}, "f:phase": {}, "f:podIP": {}, "f:startTime": {},
            "f:podIPs": {".": {}, "k:{\"ip\":\"10.0.0.7\"}": {".": {}, "f:ip": {}}},
        }},
    })
}
