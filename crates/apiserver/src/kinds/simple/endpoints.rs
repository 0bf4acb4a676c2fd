//! Where services lead to: endpoints and endpoint slices.

use jiff::Timestamp;
use pilothouse_machinery::Scope;
use serde_json::Value;

use super::super::causes;
use super::super::field::{list, number, set_default, set_default_text, text};
use super::rules::{Rules, each};
use crate::kind::Kind;
use crate::table::{AGE, NAME, age_of, name_of, or_none};

/// How many addresses a cell shows.
const SHOWN: usize = 3;

pub(super) fn kinds() -> Vec<Kind> {
    vec![
        Kind {
            short_names: vec!["ep".into()],
            allow_create_on_update: true,
            ..ENDPOINTS.kind("", "v1", "endpoints", "Endpoints", Scope::Namespaced)
        },
        Kind {
            has_generation: true,
            ..SLICE.kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", Scope::Namespaced)
        },
    ]
}

const ENDPOINTS: Rules = Rules {
    default: |object| {
        each(object, "/subsets", |subset| {
            for port in subset.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(port) = port.as_object_mut() {
                    set_default_text(port, "protocol", "TCP");
                }
            }
        });
    },
    columns: &[NAME, ("Endpoints", "string", "", 0, "Addresses and ports."), AGE],
    cells: |object, now| {
        let subsets = list(object, "/subsets").iter();
        let pairs = subsets.flat_map(|subset| {
            let (addresses, ports) = (list(subset, "/addresses"), list(subset, "/ports"));
            if ports.is_empty() {
                return addresses.iter().map(|address| text(address, "/ip").to_owned()).collect::<Vec<_>>();
            }
            let pair = |port: &Value, address: &Value| {
                format!("{}:{}", text(address, "/ip"), number(port, "/port").unwrap_or(0))
            };
            ports.iter().flat_map(|port| addresses.iter().map(move |address| pair(port, address))).collect()
        });
        vec![name_of(object), or_none(&shortened(&pairs.collect::<Vec<_>>())), age_of(object, now)]
    },
    ..Rules::PLAIN
};

const SLICE: Rules = Rules {
    default: |object| {
        each(object, "/ports", |port| {
            set_default(port, "name", "");
            set_default_text(port, "protocol", "TCP");
        });
    },
    validate: |object, found| {
        let types = ["FQDN", "IPv4", "IPv6"];
        match text(object, "/addressType") {
            "" => found.push(causes::required("addressType", "")),
            other if !types.contains(&other) => {
                found.push(causes::not_supported("addressType", &other.into(), &types));
            }
            _ => {}
        }
    },
    immutable: &["addressType"],
    columns: &[
        NAME,
        ("AddressType", "string", "", 0, "Kind of the addresses."),
        ("Ports", "string", "", 0, "Ports of the endpoints."),
        ("Endpoints", "string", "", 0, "Addresses of the endpoints."),
        AGE,
    ],
    cells: slice_cells,
    ..Rules::PLAIN
};

fn shortened(texts: &[String]) -> String {
    if texts.len() <= SHOWN {
        return texts.join(",");
    }
    format!("{} + {} more...", texts[..SHOWN].join(","), texts.len() - SHOWN)
}

fn slice_cells(object: &Value, now: Timestamp) -> Vec<Value> {
    let unset = |texts: Vec<String>| match shortened(&texts) {
        text if text.is_empty() => Value::from("<unset>"),
        text => text.into(),
    };
    let port = |port: &Value| match (number(port, "/port"), text(port, "/name")) {
        (Some(number), _) => number.to_string(),
        (None, "") => "*".to_owned(),
        (None, name) => name.to_owned(),
    };
    let ports = list(object, "/ports").iter().map(port).collect();
    let addresses = list(object, "/endpoints").iter().flat_map(|endpoint| list(endpoint, "/addresses"));
    let addresses = addresses.filter_map(Value::as_str).map(str::to_owned).collect();
    vec![
        name_of(object),
        text(object, "/addressType").into(),
        unset(ports),
        unset(addresses),
        age_of(object, now),
    ]
}
