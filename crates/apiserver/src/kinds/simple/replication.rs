//! Replication controllers and pod templates: what replica sets came from.

use pilothouse_machinery::Scope;
use serde_json::{Value, json};

use super::super::field::{is_empty, map_under, number, set_default, text};
use super::super::{causes, pod_template, selector};
use super::rules::{Rules, with};
use crate::kind::{Kind, Scale};
use crate::table::{AGE, CONTAINERS, IMAGES, NAME, SELECTOR, age_of, containers_and_images, name_of};

pub(super) fn kinds() -> Vec<Kind> {
    vec![
        Kind {
            short_names: vec!["rc".into()],
            categories: vec!["all".into()],
            status_subresource: true,
            has_generation: true,
            scale: Some(Scale {
                spec_replicas: ".spec.replicas".into(),
                status_replicas: ".status.replicas".into(),
                label_selector: Some(".spec.selector".into()),
            }),
            ..CONTROLLER.kind("", "v1", "replicationcontrollers", "ReplicationController", Scope::Namespaced)
        },
        Kind {
            returns_object_on_delete: true,
            has_generation: true,
            ..TEMPLATE.kind("", "v1", "podtemplates", "PodTemplate", Scope::Namespaced)
        },
    ]
}

const CONTROLLER: Rules = Rules {
    default: |object| {
        let labels = object.pointer("/spec/template/metadata/labels").cloned();
        if let Some(labels) = labels.filter(|labels| labels.as_object().is_some_and(|map| !map.is_empty())) {
            with(object, &["spec"], |spec| {
                if spec.get("selector").and_then(Value::as_object).is_none_or(serde_json::Map::is_empty) {
                    spec.insert("selector".into(), labels.clone());
                }
            });
            if is_empty(object, "/metadata/labels")
                && let Some(metadata) = map_under(object, &["metadata"])
            {
                metadata.insert("labels".into(), labels);
            }
        }
        with(object, &["spec"], |spec| set_default(spec, "replicas", 1));
        if !is_empty(object, "/spec/template") {
            pod_template::default_template(object, &["spec", "template"]);
        }
    },
    validate: |object, found| {
        causes::not_negative(found, "spec", &object["spec"], "replicas");
        let chosen = object["spec"]["selector"].clone();
        if is_empty(object, "/spec/selector") {
            found.push(causes::required("spec.selector", ""));
        }
        let template = &object["spec"]["template"];
        if !template.is_object() {
            found.push(causes::required("spec.template", ""));
            return;
        }
        let labels = template.pointer("/metadata/labels").cloned().unwrap_or(Value::Null);
        if !selector::selects(&json!({"matchLabels": chosen}), &labels) {
            let detail = "`selector` does not match template `labels`";
            found.push(causes::invalid("spec.template.metadata.labels", &labels, detail));
        }
        found.extend(pod_template::validate_template(template, "spec.template"));
    },
    fields: &["status.replicas"],
    columns: &[
        NAME,
        ("Desired", "integer", "", 0, "Pods wanted."),
        ("Current", "integer", "", 0, "Pods that exist."),
        ("Ready", "integer", "", 0, "Pods that are ready."),
        AGE,
        CONTAINERS,
        IMAGES,
        SELECTOR,
    ],
    cells: |object, now| {
        let count = |pointer: &str| Value::from(number(object, pointer).unwrap_or(0));
        let mut cells = vec![
            name_of(object),
            count("/spec/replicas"),
            count("/status/replicas"),
            count("/status/readyReplicas"),
            age_of(object, now),
        ];
        cells.extend(containers_and_images(object, "/spec/template"));
        cells.push(selector::print(&json!({"matchLabels": object.pointer("/spec/selector")})).into());
        cells
    },
    ..Rules::PLAIN
};

const TEMPLATE: Rules = Rules {
    default: |object| {
        if !is_empty(object, "/template") {
            pod_template::default_template(object, &["template"]);
        }
    },
    validate: |object, found| found.extend(pod_template::validate_template(&object["template"], "template")),
    columns: &[
        NAME,
        ("Containers", "string", "", 0, "Names of the containers in the template."),
        ("Images", "string", "", 0, "Images of the containers in the template."),
        ("Pod Labels", "string", "", 0, "Labels of the pods."),
    ],
    cells: |object, _| {
        let [containers, images] = containers_and_images(object, "/template");
        let labels = json!({"matchLabels": object.pointer("/template/metadata/labels")});
        vec![text(object, "/metadata/name").into(), containers, images, selector::print(&labels).into()]
    },
    ..Rules::PLAIN
};
