//! Ingresses, their classes, and network policies.

use jiff::Timestamp;
use pilothouse_machinery::{Scope, StatusCause};
use serde_json::{Value, json};

use super::super::causes;
use super::super::field::{is_empty, list, set_default, set_default_text, text};
use super::super::selector;
use super::rules::{Rules, each, with};
use crate::kind::Kind;
use crate::table::{AGE, NAME, age_of, name_of, or_none};

const GROUP: &str = "networking.k8s.io";

pub(super) fn kinds() -> Vec<Kind> {
    vec![
        Kind {
            short_names: vec!["ing".into()],
            status_subresource: true,
            has_generation: true,
            ..INGRESS.kind(GROUP, "v1", "ingresses", "Ingress", Scope::Namespaced)
        },
        Kind {
            has_generation: true,
            ..INGRESS_CLASS.kind(GROUP, "v1", "ingressclasses", "IngressClass", Scope::Cluster)
        },
        Kind {
            short_names: vec!["netpol".into()],
            has_generation: true,
            ..NETWORK_POLICY.kind(GROUP, "v1", "networkpolicies", "NetworkPolicy", Scope::Namespaced)
        },
    ]
}

const INGRESS: Rules = Rules {
    validate: validate_ingress,
    columns: &[
        NAME,
        ("Class", "string", "", 0, "Class of the ingress."),
        ("Hosts", "string", "", 0, "Host names that it serves."),
        ("Address", "string", "", 0, "Where it is reached."),
        ("Ports", "string", "", 0, "Ports that it listens on."),
        AGE,
    ],
    cells: ingress_cells,
    ..Rules::PLAIN
};

const INGRESS_CLASS: Rules = Rules {
    default: |object| {
        if !is_empty(object, "/spec/parameters") {
            with(object, &["spec", "parameters"], |parameters| {
                set_default_text(parameters, "scope", "Cluster");
            });
        }
    },
    validate_change: |new, old, found| {
        let at = |object: &Value| object.pointer("/spec/controller").cloned().unwrap_or(Value::Null);
        if at(new) != at(old) {
            found.push(causes::invalid("spec.controller", &at(new), "field is immutable"));
        }
    },
    columns: &[
        NAME,
        ("Controller", "string", "", 0, "Who serves ingresses of the class."),
        ("Parameters", "string", "", 0, "The object with its settings."),
        AGE,
    ],
    cells: |object, now| {
        let parameters =
            match (text(object, "/spec/parameters/apiGroup"), text(object, "/spec/parameters/kind")) {
                (_, "") => "<none>".to_owned(),
                ("", kind) => format!("{kind}/{}", text(object, "/spec/parameters/name")),
                (group, kind) => format!("{kind}.{group}/{}", text(object, "/spec/parameters/name")),
            };
        let controller = text(object, "/spec/controller").into();
        vec![name_of(object), controller, parameters.into(), age_of(object, now)]
    },
    ..Rules::PLAIN
};

const NETWORK_POLICY: Rules = Rules {
    default: |object| {
        let types =
            if is_empty(object, "/spec/egress") { json!(["Ingress"]) } else { json!(["Ingress", "Egress"]) };
        with(object, &["spec"], |spec| set_default(spec, "policyTypes", types));
        for direction in ["ingress", "egress"] {
            each(object, &format!("/spec/{direction}"), |rule| {
                for port in rule.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
                    if let Some(port) = port.as_object_mut() {
                        set_default_text(port, "protocol", "TCP");
                    }
                }
            });
        }
    },
    columns: &[NAME, ("Pod-Selector", "string", "", 0, "Labels of the pods that it is about."), AGE],
    cells: |object, now| {
        let selector = object.pointer("/spec/podSelector").map(selector::print).unwrap_or_default();
        vec![name_of(object), or_none(&selector), age_of(object, now)]
    },
    ..Rules::PLAIN
};

fn validate_ingress(object: &Value, found: &mut Vec<StatusCause>) {
    let rules = list(object, "/spec/rules");
    if rules.is_empty() && is_empty(object, "/spec/defaultBackend") {
        let detail = "either `defaultBackend` or `rules` must be specified";
        found.push(causes::invalid("spec", &json!([]), detail));
    }
    if !is_empty(object, "/spec/defaultBackend") {
        validate_backend(&object["spec"]["defaultBackend"], "spec.defaultBackend", found);
    }
    for (index, rule) in rules.iter().enumerate() {
        for (at, path) in list(rule, "/http/paths").iter().enumerate() {
            let field = format!("spec.rules[{index}].http.paths[{at}]");
            match text(path, "/pathType") {
                "" => found.push(causes::required(format!("{field}.pathType"), "pathType must be specified")),
                "Exact" | "Prefix" if !text(path, "/path").starts_with('/') => {
                    let given = text(path, "/path").into();
                    found.push(causes::invalid(format!("{field}.path"), &given, "must be an absolute path"));
                }
                "Exact" | "Prefix" | "ImplementationSpecific" => {}
                other => {
                    let supported = ["Exact", "ImplementationSpecific", "Prefix"];
                    found.push(causes::not_supported(format!("{field}.pathType"), &other.into(), &supported));
                }
            }
            validate_backend(&path["backend"], &format!("{field}.backend"), found);
        }
    }
}

fn validate_backend(backend: &Value, field: &str, found: &mut Vec<StatusCause>) {
    let service = !is_empty(backend, "/service");
    if service != is_empty(backend, "/resource") {
        let detail = "cannot set both resource and service backends";
        found.push(if service {
            causes::invalid(field, &"".into(), detail)
        } else {
            causes::required(field, "resource or service backend is required")
        });
    } else if service && text(backend, "/service/name").is_empty() {
        found.push(causes::required(format!("{field}.service.name"), ""));
    } else if service && is_empty(backend, "/service/port") {
        let detail = "port name or number is required";
        found.push(causes::required(field, detail));
    }
}

fn ingress_cells(object: &Value, now: Timestamp) -> Vec<Value> {
    let hosts: Vec<_> = list(object, "/spec/rules")
        .iter()
        .map(|rule| text(rule, "/host"))
        .filter(|host| !host.is_empty())
        .collect();
    let hosts = match hosts.len() {
        0 => "*".to_owned(),
        1..=3 => hosts.join(","),
        more => format!("{} + {} more...", hosts[..3].join(","), more - 3),
    };
    let addresses = list(object, "/status/loadBalancer/ingress").iter().map(|ingress| {
        let address = text(ingress, "/ip");
        if address.is_empty() { text(ingress, "/hostname") } else { address }
    });
    let addresses: Vec<_> = addresses.collect();
    let ports = if is_empty(object, "/spec/tls") { "80" } else { "80, 443" };
    vec![
        name_of(object),
        or_none(text(object, "/spec/ingressClassName")),
        hosts.into(),
        addresses.join(",").into(),
        ports.into(),
        age_of(object, now),
    ]
}
