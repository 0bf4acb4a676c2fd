//! Volumes, claims and storage classes. No volume is made or bound here.

use jiff::Timestamp;
use pilothouse_machinery::{Scope, StatusCause};
use serde_json::{Value, json};

use super::super::causes;
use super::super::container::one_of;
use super::super::field::{is_empty, list, map_at, set_default, set_default_text, text};
use super::rules::{Rules, with};
use crate::kind::Kind;
use crate::table::{AGE, NAME, age_of, name_of};

const GROUP: &str = "storage.k8s.io";
const MODES: [(&str, &str); 4] = [
    ("ReadWriteOnce", "RWO"),
    ("ReadOnlyMany", "ROX"),
    ("ReadWriteMany", "RWX"),
    ("ReadWriteOncePod", "RWOP"),
];
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

pub(super) fn kinds() -> Vec<Kind> {
    vec![
        Kind {
            short_names: vec!["pvc".into()],
            status_subresource: true,
            returns_object_on_delete: true,
            ..CLAIM.kind("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", Scope::Namespaced)
        },
        Kind {
            short_names: vec!["pv".into()],
            status_subresource: true,
            returns_object_on_delete: true,
            ..VOLUME.kind("", "v1", "persistentvolumes", "PersistentVolume", Scope::Cluster)
        },
        Kind {
            short_names: vec!["sc".into()],
            returns_object_on_delete: true,
            ..CLASS.kind(GROUP, "v1", "storageclasses", "StorageClass", Scope::Cluster)
        },
        Kind {
            returns_object_on_delete: true,
            ..DRIVER.kind(GROUP, "v1", "csidrivers", "CSIDriver", Scope::Cluster)
        },
        Kind {
            returns_object_on_delete: true,
            ..NODE.kind(GROUP, "v1", "csinodes", "CSINode", Scope::Cluster)
        },
        Rules::PLAIN.kind(GROUP, "v1", "csistoragecapacities", "CSIStorageCapacity", Scope::Namespaced),
        Kind {
            status_subresource: true,
            returns_object_on_delete: true,
            ..ATTACHMENT.kind(GROUP, "v1", "volumeattachments", "VolumeAttachment", Scope::Cluster)
        },
    ]
}

const CLAIM: Rules = Rules {
    default: |object| with(object, &["spec"], |spec| set_default_text(spec, "volumeMode", "Filesystem")),
    validate: |object, found| {
        validate_modes(object, found);
        if is_empty(object, "/spec/resources/requests/storage") {
            found.push(causes::required("spec.resources[storage]", ""));
        }
    },
    validate_change: |new, old, found| {
        let fixed = |object: &Value| {
            let mut spec = object["spec"].clone();
            if let Some(spec) = spec.as_object_mut() {
                // The volume is chosen once, and a claim may grow.
                spec.remove("resources");
                spec.remove("volumeAttributesClassName");
                if is_empty(old, "/spec/volumeName") {
                    spec.remove("volumeName");
                }
            }
            spec
        };
        if fixed(new) != fixed(old) {
            let detail = "spec is immutable after creation except resources.requests and volumeAttributesClassName \
                          for bound claims";
            found.push(causes::forbidden("spec", detail));
        }
    },
    phase: Some("Pending"),
    columns: &[
        NAME,
        ("Status", "string", "", 0, "Pending, Bound or Lost."),
        ("Volume", "string", "", 0, "The volume it is bound to."),
        ("Capacity", "string", "", 0, "Size of the volume."),
        ("Access Modes", "string", "", 0, "How the volume can be mounted."),
        ("StorageClass", "string", "", 0, "Class of the claim."),
        ("VolumeAttributesClass", "string", "", 0, "Class of further attributes."),
        AGE,
        ("VolumeMode", "string", "", 1, "Filesystem or Block."),
    ],
    cells: |object, now| {
        let bound = !is_empty(object, "/spec/volumeName");
        let (capacity, access) = if bound {
            (text(object, "/status/capacity/storage"), modes(object, "/status/accessModes"))
        } else {
            ("", String::new())
        };
        vec![
            name_of(object),
            phase(object),
            text(object, "/spec/volumeName").into(),
            capacity.into(),
            access.into(),
            text(object, "/spec/storageClassName").into(),
            or_unset(text(object, "/spec/volumeAttributesClassName")),
            age_of(object, now),
            or_unset(text(object, "/spec/volumeMode")),
        ]
    },
    ..Rules::PLAIN
};

const VOLUME: Rules = Rules {
    default: |object| {
        let host_path = !is_empty(object, "/spec/hostPath");
        with(object, &["spec"], |spec| {
            set_default_text(spec, "persistentVolumeReclaimPolicy", "Retain");
            set_default_text(spec, "volumeMode", "Filesystem");
            if host_path && let Some(path) = map_at(spec, "hostPath") {
                set_default(path, "type", "");
            }
        });
    },
    validate: |object, found| {
        if is_empty(object, "/spec/capacity") {
            found.push(causes::required("spec.capacity", ""));
        }
        validate_modes(object, found);
        let policies = ["Delete", "Recycle", "Retain"];
        one_of(&object["spec"], "spec", "persistentVolumeReclaimPolicy", &policies, found);
    },
    phase: Some("Pending"),
    columns: &[
        NAME,
        ("Capacity", "string", "", 0, "Size of the volume."),
        ("Access Modes", "string", "", 0, "How it can be mounted."),
        ("Reclaim Policy", "string", "", 0, "What becomes of it when its claim is gone."),
        ("Status", "string", "", 0, "Available, Bound, Released or Failed."),
        ("Claim", "string", "", 0, "The claim it is bound to."),
        ("StorageClass", "string", "", 0, "Class of the volume."),
        ("VolumeAttributesClass", "string", "", 0, "Class of further attributes."),
        ("Reason", "string", "", 0, "Why it is in this state."),
        AGE,
        ("VolumeMode", "string", "", 1, "Filesystem or Block."),
    ],
    cells: volume_cells,
    ..Rules::PLAIN
};

const CLASS: Rules = Rules {
    default: |object| {
        with(object, &[], |class| {
            set_default_text(class, "reclaimPolicy", "Delete");
            set_default_text(class, "volumeBindingMode", "Immediate");
        });
    },
    validate: |object, found| {
        if text(object, "/provisioner").is_empty() {
            found.push(causes::required("provisioner", ""));
        }
        one_of(object, "", "reclaimPolicy", &["Delete", "Retain"], found);
        one_of(object, "", "volumeBindingMode", &["Immediate", "WaitForFirstConsumer"], found);
    },
    validate_change: |new, old, found| {
        for member in ["parameters", "provisioner", "reclaimPolicy"] {
            if new.get(member) != old.get(member) {
                found.push(causes::forbidden(member, &format!("updates to {member} are forbidden.")));
            }
        }
    },
    immutable: &["volumeBindingMode"],
    columns: &[
        NAME,
        ("Provisioner", "string", "", 0, "Who makes volumes of the class."),
        ("ReclaimPolicy", "string", "", 0, "What becomes of a volume when its claim is gone."),
        ("VolumeBindingMode", "string", "", 0, "When volumes are made and bound."),
        ("AllowVolumeExpansion", "string", "", 0, "Whether claims may grow."),
        AGE,
    ],
    cells: |object, now| {
        let annotations = object.pointer("/metadata/annotations");
        let is_default = annotations.is_some_and(|map| map.get(DEFAULT_CLASS) == Some(&json!("true")));
        let name = text(object, "/metadata/name");
        let name = if is_default { format!("{name} (default)") } else { name.to_owned() };
        vec![
            name.into(),
            text(object, "/provisioner").into(),
            text(object, "/reclaimPolicy").into(),
            text(object, "/volumeBindingMode").into(),
            (object.get("allowVolumeExpansion") == Some(&Value::Bool(true))).into(),
            age_of(object, now),
        ]
    },
    ..Rules::PLAIN
};

const DRIVER: Rules = Rules {
    default: |object| {
        with(object, &["spec"], |spec| {
            for (name, value) in [
                ("attachRequired", json!(true)),
                ("podInfoOnMount", json!(false)),
                ("storageCapacity", json!(false)),
                ("fsGroupPolicy", json!("ReadWriteOnceWithFSType")),
                ("volumeLifecycleModes", json!(["Persistent"])),
                ("requiresRepublish", json!(false)),
                ("seLinuxMount", json!(false)),
            ] {
                set_default(spec, name, value);
            }
        });
    },
    ..Rules::PLAIN
};

const NODE: Rules = Rules {
    columns: &[NAME, ("Drivers", "integer", "", 0, "Drivers on the node."), AGE],
    cells: |object, now| {
        vec![name_of(object), list(object, "/spec/drivers").len().into(), age_of(object, now)]
    },
    ..Rules::PLAIN
};

const ATTACHMENT: Rules = Rules {
    columns: &[
        NAME,
        ("Attacher", "string", "", 0, "Who attaches the volume."),
        ("PV", "string", "", 0, "The volume."),
        ("Node", "string", "", 0, "The node."),
        ("Attached", "boolean", "", 0, "Whether it is attached."),
        AGE,
    ],
    cells: |object, now| {
        vec![
            name_of(object),
            text(object, "/spec/attacher").into(),
            text(object, "/spec/source/persistentVolumeName").into(),
            text(object, "/spec/nodeName").into(),
            (object.pointer("/status/attached") == Some(&Value::Bool(true))).into(),
            age_of(object, now),
        ]
    },
    ..Rules::PLAIN
};

fn validate_modes(object: &Value, found: &mut Vec<StatusCause>) {
    let given = list(object, "/spec/accessModes");
    if given.is_empty() {
        found.push(causes::required("spec.accessModes", "at least 1 access mode is required"));
    }
    for mode in given.iter().filter(|mode| MODES.iter().all(|(known, _)| mode.as_str() != Some(known))) {
        let mut known = MODES.map(|(known, _)| known);
        known.sort_unstable();
        found.push(causes::not_supported("spec.accessModes", mode, &known));
    }
}

fn modes(object: &Value, pointer: &str) -> String {
    let given = list(object, pointer);
    let short = MODES.iter().filter(|(known, _)| given.iter().any(|mode| mode.as_str() == Some(known)));
    short.map(|(_, short)| *short).collect::<Vec<_>>().join(",")
}

fn or_unset(text: &str) -> Value {
    if text.is_empty() { "<unset>".into() } else { text.into() }
}

/// The phase, or that the object is on its way out.
fn phase(object: &Value) -> Value {
    if is_empty(object, "/metadata/deletionTimestamp") {
        text(object, "/status/phase").into()
    } else {
        "Terminating".into()
    }
}

fn volume_cells(object: &Value, now: Timestamp) -> Vec<Value> {
    let claim = match text(object, "/spec/claimRef/name") {
        "" => String::new(),
        name => format!("{}/{name}", text(object, "/spec/claimRef/namespace")),
    };
    vec![
        name_of(object),
        text(object, "/spec/capacity/storage").into(),
        modes(object, "/spec/accessModes").into(),
        text(object, "/spec/persistentVolumeReclaimPolicy").into(),
        phase(object),
        claim.into(),
        text(object, "/spec/storageClassName").into(),
        or_unset(text(object, "/spec/volumeAttributesClassName")),
        text(object, "/status/reason").into(),
        age_of(object, now),
        or_unset(text(object, "/spec/volumeMode")),
    ]
}
