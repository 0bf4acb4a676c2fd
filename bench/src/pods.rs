//! Pods as a cluster has them, written as Go writes them: member order, empty `resources`, null times.

mod containers;
mod managed_fields;

use std::fmt::Write;

use clap::ValueEnum;

const NODES: u64 = 1000;
const IMAGES: u64 = 200;
const PODS_PER_OWNER: u64 = 10;
const NAMESPACES: u64 = 40;
const WORDS: [&str; 24] = [
    "billing",
    "search",
    "gateway",
    "ledger",
    "profile",
    "catalogue",
    "checkout",
    "mailer",
    "metrics",
    "sessions",
    "reports",
    "uploads",
    "pricing",
    "stock",
    "routing",
    "geodata",
    "audit",
    "tokens",
    "alerts",
    "import",
    "export",
    "archive",
    "preview",
    "ranking",
];

/// How large pods are, as JSON with `managedFields`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Size {
    /// About 4.1 kB: one container, two labels.
    #[value(name = "4k")]
    Small,
    /// About 9 kB: two containers with probes, three volumes, six labels, annotations.
    #[value(name = "9k")]
    Large,
}

impl Size {
    /// The name on the command line.
    pub(crate) fn argument(self) -> &'static str {
        match self {
            Self::Small => "4k",
            Self::Large => "9k",
        }
    }
}

/// One pod in the making.
#[derive(Clone, Copy, Debug)]
struct Pod {
    number: u64,
    size: Size,
}

/// Writes the pod with this number at this version, without `kind` and `apiVersion`, as items of lists are.
pub(crate) fn write(number: u32, version: u32, size: Size, text: &mut String) {
    let pod = Pod { number: number.into(), size };
    text.push('{');
    pod.metadata(version, text);
    pod.spec(text);
    pod.status(text);
    text.push('}');
}

/// The namespace of the pod with this number.
pub(crate) fn namespace(number: u32) -> String {
    format!("team-{:02}", owner(number.into()) % NAMESPACES)
}

/// The name of the pod with this number.
pub(crate) fn name(number: u32) -> String {
    let number = u64::from(number);
    format!("{}-{}", owner_name(number), suffix(number))
}

fn owner(number: u64) -> u64 {
    number / PODS_PER_OWNER
}

fn application(number: u64) -> String {
    let owner = owner(number);
    let word = |index: u64| WORDS[usize::try_from(index % 24).unwrap_or(0)];
    format!("{}-{}-{}", word(mix(owner)), word(mix(owner) >> 8), owner % 1000)
}

fn owner_name(number: u64) -> String {
    format!("{}-{}", application(number), template_hash(number))
}

fn template_hash(number: u64) -> String {
    format!("{:09x}", mix(owner(number) ^ 0x7e3a) & 0xf_ffff_ffff)
}

/// Five letters that no other pod of the owner has.
fn suffix(number: u64) -> String {
    const LETTERS: &[u8; 16] = b"bcdfghjklmnpqrst";
    (0..5)
        .map(|place| char::from(LETTERS[usize::try_from(number >> (4 * place) & 15).unwrap_or(0)]))
        .collect()
}

/// A number that looks random and depends on this one alone (`SplitMix64`).
fn mix(number: u64) -> u64 {
    let mut value = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn uid(seed: u64) -> String {
    let (high, low) = (mix(seed), mix(seed ^ 0xdead_beef));
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

/// 64 hexadecimal digits.
fn digest(seed: u64) -> String {
    format!(
        "{:016x}{:016x}{:016x}{:016x}",
        mix(seed),
        mix(seed ^ 1 << 60),
        mix(seed ^ 2 << 60),
        mix(seed ^ 3 << 60)
    )
}

/// A time of the owner's day, `seconds` later.
fn time(number: u64, seconds: u64) -> String {
    let (owner, second) = (mix(owner(number)), number % PODS_PER_OWNER + seconds);
    format!(
        "2026-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        owner % 9 + 1,
        owner >> 8 & 15 | 1,
        owner >> 16 & 15,
        owner >> 24 & 31,
        second % 60
    )
}

impl Pod {
    fn is_large(self) -> bool {
        self.size == Size::Large
    }

    fn metadata(self, version: u32, text: &mut String) {
        let (number, application, hash) = (self.number, application(self.number), template_hash(self.number));
        let owner = owner(number);
        push(
            text,
            format_args!(
                "\"metadata\":{{\"name\":\"{application}-{hash}-{}\",\"generateName\":\"{application}-{hash}-\",\
             \"namespace\":\"team-{:02}\",\"uid\":\"{}\",\"resourceVersion\":\"{version}\",\"generation\":1,\
             \"creationTimestamp\":\"{}\",\"labels\":{{",
                suffix(number),
                owner % NAMESPACES,
                uid(number),
                time(number, 0),
            ),
        );
        if self.is_large() {
            push(
                text,
                format_args!(
                    "\"app.kubernetes.io/component\":\"server\",\
                     \"app.kubernetes.io/instance\":\"{application}-production\",\
                     \"app.kubernetes.io/managed-by\":\"Helm\","
                ),
            );
        }
        push(text, format_args!("\"app.kubernetes.io/name\":\"{application}\","));
        if self.is_large() {
            push(text, format_args!("\"app.kubernetes.io/version\":\"1.{}.{}\",", owner % 30, owner % 7));
        }
        push(text, format_args!("\"pod-template-hash\":\"{hash}\"}},"));
        if self.is_large() {
            push(
                text,
                format_args!(
                    "\"annotations\":{{\"checksum/config\":\"{}\",\"checksum/secret\":\"{}\",\
                     \"prometheus.io/port\":\"9090\",\"prometheus.io/scrape\":\"true\"}},",
                    digest(owner),
                    digest(owner ^ 0x5ec7),
                ),
            );
        }
        push(
            text,
            format_args!(
                "\"ownerReferences\":[{{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\",\
             \"name\":\"{application}-{hash}\",\"uid\":\"{}\",\"controller\":true,\"blockOwnerDeletion\":true}}],\
             \"managedFields\":[",
                uid(owner | 1 << 40),
            ),
        );
        self.controller_fields(text);
        text.push(',');
        self.kubelet_fields(text);
        text.push_str("]},");
    }

    fn status(self, text: &mut String) {
        let (number, started) = (self.number, time(self.number, 7));
        text.push_str("\"status\":{\"phase\":\"Running\",\"conditions\":[");
        let conditions =
            ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
        for (index, condition) in conditions.iter().enumerate() {
            push(
                text,
                format_args!(
                    "{}{{\"type\":\"{condition}\",\"status\":\"True\",\"lastProbeTime\":null,\"lastTransitionTime\":\"{}\"}}",
                    if index == 0 { "" } else { "," },
                    time(number, u64::try_from(index).unwrap_or(0)),
                ),
            );
        }
        let (host, ip) = (mix(number) % NODES, number % 60_000);
        push(
            text,
            format_args!(
                "],\"hostIP\":\"10.0.{0}.{1}\",\"hostIPs\":[{{\"ip\":\"10.0.{0}.{1}\"}}],\"podIP\":\"10.64.{2}.{3}\",\
             \"podIPs\":[{{\"ip\":\"10.64.{2}.{3}\"}}],\"startTime\":\"{started}\",\"containerStatuses\":[",
                host / 250,
                host % 250,
                ip / 250,
                ip % 250,
            ),
        );
        self.container_statuses(&started, text);
        text.push_str("],\"qosClass\":\"Burstable\"}");
    }
}

/// Writing to a text cannot fail.
fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod as Typed;

    use super::*;

    #[test]
    fn pods_are_pods_of_the_size_that_was_asked_for() -> Result<(), serde_json::Error> {
        for (size, least, most) in [(Size::Small, 4000, 4200), (Size::Large, 8600, 9400)] {
            for number in [0, 1, 7, 999, 49_999] {
                let mut text = String::new();
                write(number, 100_000_000 + number, size, &mut text);
                assert!((least..most).contains(&text.len()), "{} bytes for {size:?}", text.len());
                let pod: Typed = serde_json::from_str(&text)?;
                assert_eq!(pod.metadata.name, Some(name(number)));
                assert_eq!(pod.metadata.namespace, Some(namespace(number)));
            }
        }
        Ok(())
    }
}
