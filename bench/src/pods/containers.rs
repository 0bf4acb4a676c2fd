//! What runs in a pod.

use super::{IMAGES, NODES, Pod, application, digest, mix, push, time};

const NAMES: [&str; 2] = ["server", "proxy"];
const ACCESS: &str = "kube-api-access-x7k2p";

impl Pod {
    fn containers(self) -> &'static [&'static str] {
        if self.is_large() { &NAMES } else { &NAMES[..1] }
    }

    fn image(self, index: usize) -> u64 {
        mix(super::owner(self.number) * 2 + u64::try_from(index).unwrap_or(0)) % IMAGES
    }

    pub(super) fn spec(self, text: &mut String) {
        let application = application(self.number);
        text.push_str("\"spec\":{\"volumes\":[");
        if self.is_large() {
            push(
                text,
                format_args!(
                    "{{\"name\":\"config\",\"configMap\":{{\"name\":\"{application}-config\",\"defaultMode\":420}}}},\
                 {{\"name\":\"scratch\",\"emptyDir\":{{\"sizeLimit\":\"1Gi\"}}}},"
                ),
            );
        }
        push(
            text,
            format_args!(
                "{{\"name\":\"{ACCESS}\",\"projected\":{{\"sources\":[{{\"serviceAccountToken\":\
             {{\"expirationSeconds\":3607,\"path\":\"token\"}}}},{{\"configMap\":{{\"name\":\"kube-root-ca.crt\",\
             \"items\":[{{\"key\":\"ca.crt\",\"path\":\"ca.crt\"}}]}}}},{{\"downwardAPI\":{{\"items\":\
             [{{\"path\":\"namespace\",\"fieldRef\":{{\"apiVersion\":\"v1\",\
             \"fieldPath\":\"metadata.namespace\"}}}}]}}}}],\"defaultMode\":420}}}}],\"containers\":["
            ),
        );
        for (index, name) in self.containers().iter().enumerate() {
            text.push_str(if index == 0 { "" } else { "," });
            self.container(index, name, &application, text);
        }
        push(
            text,
            format_args!(
                "],\"restartPolicy\":\"Always\",\"terminationGracePeriodSeconds\":30,\"dnsPolicy\":\"ClusterFirst\",\
             \"serviceAccountName\":\"{application}\",\"serviceAccount\":\"{application}\",\
             \"nodeName\":\"node-{:04}.pool.example\",\
             \"securityContext\":{{\"runAsNonRoot\":true,\"fsGroup\":2000}},\"schedulerName\":\"default-scheduler\",\
             \"tolerations\":[{{\"key\":\"node.kubernetes.io/not-ready\",\"operator\":\"Exists\",\
             \"effect\":\"NoExecute\",\"tolerationSeconds\":300}},{{\"key\":\"node.kubernetes.io/unreachable\",\
             \"operator\":\"Exists\",\"effect\":\"NoExecute\",\"tolerationSeconds\":300}}],\"priority\":0,\
             \"enableServiceLinks\":true,\"preemptionPolicy\":\"PreemptLowerPriority\"}},",
                mix(self.number) % NODES,
            ),
        );
    }

    fn container(self, index: usize, name: &str, application: &str, text: &mut String) {
        let number = self.number;
        push(
            text,
            format_args!(
                "{{\"name\":\"{name}\",\"image\":\"images.example/{name}:1.{}\",\
             \"args\":[\"--listen=0.0.0.0:8080\",\"--shard={number}\"],\
             \"ports\":[{{\"name\":\"http\",\"containerPort\":8080,\"protocol\":\"TCP\"}}],",
                self.image(index),
            ),
        );
        if self.is_large() {
            self.environment(application, text);
        }
        push(
            text,
            format_args!(
                "\"resources\":{{\"limits\":{{\"cpu\":\"{0}m\",\
             \"memory\":\"512Mi\"}},\"requests\":{{\"cpu\":\"100m\",\"memory\":\"256Mi\"}}}},\"volumeMounts\":[",
                (number % 8 + 1) * 100,
            ),
        );
        if self.is_large() {
            text.push_str("{\"name\":\"config\",\"readOnly\":true,\"mountPath\":\"/etc/application\"},");
            text.push_str("{\"name\":\"scratch\",\"mountPath\":\"/var/tmp\"},");
        }
        push(
            text,
            format_args!(
                "{{\"name\":\"{ACCESS}\",\"readOnly\":true,\
             \"mountPath\":\"/var/run/secrets/kubernetes.io/serviceaccount\"}}],"
            ),
        );
        if self.is_large() {
            probe("livenessProbe", "/livez", text);
            probe("readinessProbe", "/readyz", text);
        }
        text.push_str(
            "\"terminationMessagePath\":\"/dev/termination-log\",\"terminationMessagePolicy\":\"File\",\
             \"imagePullPolicy\":\"IfNotPresent\"",
        );
        if self.is_large() {
            text.push_str(
                ",\"securityContext\":{\"capabilities\":{\"drop\":[\"ALL\"]},\
                 \"readOnlyRootFilesystem\":true,\"allowPrivilegeEscalation\":false}",
            );
        }
        text.push('}');
    }

    fn environment(self, application: &str, text: &mut String) {
        let number = self.number;
        text.push_str("\"env\":[");
        for variable in 0..5 {
            push(
                text,
                format_args!(
                    "{{\"name\":\"SETTING_{variable}\",\"value\":\"value-{variable}-of-{application}-{number}\"}},"
                ),
            );
        }
        text.push_str(
            "{\"name\":\"POD_NAME\",\"valueFrom\":{\"fieldRef\":{\"apiVersion\":\"v1\",\
             \"fieldPath\":\"metadata.name\"}}}],",
        );
    }

    pub(super) fn container_statuses(self, started: &str, text: &mut String) {
        for (index, name) in self.containers().iter().enumerate() {
            let (image, place) = (self.image(index), u64::try_from(index).unwrap_or(0));
            push(
                text,
                format_args!(
                    "{}{{\"name\":\"{name}\",\"state\":{{\"running\":{{\"startedAt\":\"{started}\"}}}},",
                    if index == 0 { "" } else { "," },
                ),
            );
            if self.number.is_multiple_of(5) {
                push(
                    text,
                    format_args!(
                        "\"lastState\":{{\"terminated\":{{\"exitCode\":137,\"reason\":\"OOMKilled\",\"startedAt\":\"{}\",\
                     \"finishedAt\":\"{started}\"}}}},\"ready\":true,\"restartCount\":1,",
                        time(self.number, 3),
                    ),
                );
            } else {
                text.push_str("\"lastState\":{},\"ready\":true,\"restartCount\":0,");
            }
            push(
                text,
                format_args!(
                    "\"image\":\"images.example/{name}:1.{image}\",\"imageID\":\"images.example/{name}@sha256:{}\",\
                 \"containerID\":\"containerd://{}\",\"started\":true}}",
                    digest(image | 1 << 41),
                    digest((self.number * 2 + place) | (1 << 42)),
                ),
            );
        }
    }
}

fn probe(kind: &str, path: &str, text: &mut String) {
    push(
        text,
        format_args!(
            "\"{kind}\":{{\"httpGet\":{{\"path\":\"{path}\",\"port\":8080,\"scheme\":\"HTTP\"}},\
         \"initialDelaySeconds\":5,\"timeoutSeconds\":1,\"periodSeconds\":10,\"successThreshold\":1,\
         \"failureThreshold\":3}},"
        ),
    );
}
