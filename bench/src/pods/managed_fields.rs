//! The two entries of `managedFields` that a running pod has: its controller's and its kubelet's.

use super::{Pod, push, time};

const CONDITION: &str =
    "{\".\":{},\"f:lastProbeTime\":{},\"f:lastTransitionTime\":{},\"f:status\":{},\"f:type\":{}}";
const PROBE: &str = "{\".\":{},\"f:failureThreshold\":{},\"f:httpGet\":{\".\":{},\"f:path\":{},\"f:port\":{},\
    \"f:scheme\":{}},\"f:initialDelaySeconds\":{},\"f:periodSeconds\":{},\"f:successThreshold\":{},\
    \"f:timeoutSeconds\":{}}";

const ANNOTATIONS: &str = "\"f:annotations\":{\".\":{},\"f:checksum/config\":{}},";

impl Pod {
    pub(super) fn controller_fields(self, text: &mut String) {
        push(
            text,
            format_args!(
                "{{\"manager\":\"kube-controller-manager\",\"operation\":\"Update\",\"apiVersion\":\"v1\",\
             \"time\":\"{}\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{{\"f:metadata\":{{{}\"f:generateName\":{{}},\"f:labels\":{{\".\":{{}},\
             \"f:app.kubernetes.io/name\":{{}},\"f:pod-template-hash\":{{}}}},\"f:ownerReferences\":{{\".\":{{}}}}}},\
             \"f:spec\":{{\"f:containers\":{{",
                time(self.number, 0),
                if self.is_large() { ANNOTATIONS } else { "" },
            ),
        );
        let containers: &[&str] = if self.is_large() { &["proxy", "server"] } else { &["server"] };
        for (index, name) in containers.iter().enumerate() {
            push(
                text,
                format_args!(
                    "{}\"k:{{\\\"name\\\":\\\"{name}\\\"}}\":{{\".\":{{}},\"f:args\":{{}},",
                    if index == 0 { "" } else { "," }
                ),
            );
            if self.is_large() {
                text.push_str("\"f:env\":{\".\":{}");
                for variable in 0..3 {
                    push(
                        text,
                        format_args!(
                            ",\"k:{{\\\"name\\\":\\\"SETTING_{variable}\\\"}}\":{{\".\":{{}},\"f:name\":{{}},\"f:value\":{{}}}}"
                        ),
                    );
                }
                text.push_str("},");
            }
            text.push_str("\"f:image\":{},\"f:imagePullPolicy\":{},");
            if self.is_large() {
                push(text, format_args!("\"f:livenessProbe\":{PROBE},"));
            }
            if self.is_large() {
                text.push_str("\"f:limits\":{\".\":{},\"f:cpu\":{},\"f:memory\":{}},");
            }
            text.push_str("\"f:name\":{},\"f:resources\":{}}");
        }
        text.push_str(
            "},\"f:dnsPolicy\":{},\"f:restartPolicy\":{},\"f:schedulerName\":{},\
             \"f:terminationGracePeriodSeconds\":{}}}}",
        );
    }

    pub(super) fn kubelet_fields(self, text: &mut String) {
        push(
            text,
            format_args!(
                "{{\"manager\":\"kubelet\",\"operation\":\"Update\",\"apiVersion\":\"v1\",\"time\":\"{}\",\
             \"fieldsType\":\"FieldsV1\",\"fieldsV1\":{{\"f:status\":{{\"f:conditions\":{{",
                time(self.number, 9),
            ),
        );
        if self.is_large() {
            for condition in ["ContainersReady", "Initialized"] {
                push(text, format_args!("\"k:{{\\\"type\\\":\\\"{condition}\\\"}}\":{CONDITION},"));
            }
        }
        push(
            text,
            format_args!(
                "\"k:{{\\\"type\\\":\\\"Ready\\\"}}\":{CONDITION}}},\"f:containerStatuses\":{{}},\"f:hostIP\":{{}},\
             \"f:phase\":{{}},\"f:podIP\":{{}},\"f:startTime\":{{}}}}}},\"subresource\":\"status\"}}"
            ),
        );
    }
}
