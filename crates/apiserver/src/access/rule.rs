//! One rule of a role: what it allows, and what other rules cover it.

use serde_json::{Map, Value};

use super::Attributes;

const ALL: &str = "*";

/// A `PolicyRule` of `rbac.authorization.k8s.io/v1`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PolicyRule {
    pub(crate) verbs: Vec<String>,
    pub(crate) api_groups: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) resource_names: Vec<String>,
    pub(crate) non_resource_urls: Vec<String>,
}

/// The rules of a role.
pub(crate) fn rules_of(role: &Value) -> Vec<PolicyRule> {
    role["rules"].as_array().into_iter().flatten().map(PolicyRule::of).collect()
}

fn has(list: &[String], wanted: &str) -> bool {
    list.iter().any(|item| item == wanted)
}

fn has_all(list: &[String], wanted: &[String]) -> bool {
    wanted.iter().all(|wanted| has(list, wanted))
}

impl PolicyRule {
    /// Reads a rule of a stored role.
    pub(crate) fn of(rule: &Value) -> Self {
        let texts = |name: &str| {
            let items = rule[name].as_array().into_iter().flatten();
            items.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Self {
            verbs: texts("verbs"),
            api_groups: texts("apiGroups"),
            resources: texts("resources"),
            resource_names: texts("resourceNames"),
            non_resource_urls: texts("nonResourceURLs"),
        }
    }

    /// A rule about resources.
    pub(crate) fn resources(verbs: &[&str], groups: &[&str], resources: &[&str]) -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self {
            verbs: owned(verbs),
            api_groups: owned(groups),
            resources: owned(resources),
            ..Self::default()
        }
    }

    /// A rule about paths.
    pub(crate) fn paths(verbs: &[&str], paths: &[&str]) -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self { verbs: owned(verbs), non_resource_urls: owned(paths), ..Self::default() }
    }

    /// The rule as a role holds it.
    pub(crate) fn to_value(&self) -> Value {
        let mut value = Map::new();
        value.insert("verbs".into(), self.verbs.clone().into());
        for (name, list) in [
            ("apiGroups", &self.api_groups),
            ("resources", &self.resources),
            ("resourceNames", &self.resource_names),
            ("nonResourceURLs", &self.non_resource_urls),
        ] {
            if !list.is_empty() {
                value.insert(name.into(), list.clone().into());
            }
        }
        value.into()
    }

    /// Whether it allows what `asked` asks for (`RuleAllows` of Kubernetes' RBAC authoriser).
    pub(crate) fn allows(&self, asked: &Attributes) -> bool {
        if !has(&self.verbs, ALL) && !has(&self.verbs, &asked.verb) {
            return false;
        }
        if !asked.is_resource() {
            return self.non_resource_urls.iter().any(|url| path_matches(url, &asked.path));
        }
        (has(&self.api_groups, ALL) || has(&self.api_groups, &asked.group))
            && self.resources.iter().any(|resource| resource_matches(resource, asked))
            && (self.resource_names.is_empty() || has(&self.resource_names, &asked.name))
    }

    /// Whether it allows everything that `other` allows, as far as one rule can tell.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let names = self.resource_names.is_empty()
            || !other.resource_names.is_empty() && has_all(&self.resource_names, &other.resource_names);
        (has(&self.verbs, ALL) || has_all(&self.verbs, &other.verbs))
            && (has(&self.api_groups, ALL) || has_all(&self.api_groups, &other.api_groups))
            && other.resources.iter().all(|resource| covers_resource(&self.resources, resource))
            && names
            && other.non_resource_urls.iter().all(|path| covers_path(&self.non_resource_urls, path))
    }

    /// The rule as rules of one verb on one resource (or path) each.
    pub(crate) fn parts(&self) -> Vec<Self> {
        let mut parts = Vec::new();
        for verb in &self.verbs {
            for group in &self.api_groups {
                for resource in &self.resources {
                    let part = Self::resources(&[verb], &[group], &[resource]);
                    if self.resource_names.is_empty() {
                        parts.push(part);
                    } else {
                        let named =
                            |name: &String| Self { resource_names: vec![name.clone()], ..part.clone() };
                        parts.extend(self.resource_names.iter().map(named));
                    }
                }
            }
            parts.extend(self.non_resource_urls.iter().map(|path| Self::paths(&[verb], &[path])));
        }
        parts
    }

    /// The rule on one line, as messages show it.
    pub(crate) fn compact(&self) -> String {
        let shown = |name: &str, list: &[String]| {
            let quoted: Vec<_> = list.iter().map(|item| format!("{item:?}")).collect();
            (!list.is_empty()).then(|| format!("{name}:[{}]", quoted.join(" ")))
        };
        let parts = [
            shown("APIGroups", &self.api_groups),
            shown("Resources", &self.resources),
            shown("NonResourceURLs", &self.non_resource_urls),
            shown("ResourceNames", &self.resource_names),
            shown("Verbs", &self.verbs),
        ];
        format!("{{{}}}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

/// `*`, the path itself, or its beginning before a last `*`.
fn path_matches(url: &str, path: &str) -> bool {
    url == ALL || url == path || url.ends_with('*') && path.starts_with(url.trim_end_matches('*'))
}

/// `*`, the resource with its subresource, or `*/SUBRESOURCE`.
fn resource_matches(resource: &str, asked: &Attributes) -> bool {
    if resource == ALL {
        return true;
    }
    match resource.split_once('/') {
        None => asked.subresource.is_empty() && resource == asked.resource,
        Some((main, subresource)) => {
            !asked.subresource.is_empty()
                && subresource == asked.subresource
                && (main == ALL || main == asked.resource)
        }
    }
}

fn covers_resource(owned: &[String], wanted: &str) -> bool {
    has(owned, ALL)
        || has(owned, wanted)
        || wanted.split_once('/').is_some_and(|(_, subresource)| has(owned, &format!("*/{subresource}")))
}

fn covers_path(owned: &[String], wanted: &str) -> bool {
    owned.iter().any(|url| path_matches(url, wanted))
}

/// What of `wanted` no rule of `owned` covers: one line each, rules that differ only in verbs joined, in text order.
pub(crate) fn missing(owned: &[PolicyRule], wanted: &[PolicyRule]) -> Vec<String> {
    let owned: Vec<_> = owned.iter().flat_map(PolicyRule::parts).collect();
    let mut lacking: Vec<PolicyRule> = Vec::new();
    for part in wanted.iter().flat_map(PolicyRule::parts) {
        if owned.iter().any(|rule| rule.covers(&part)) {
            continue;
        }
        let same = |known: &&mut PolicyRule| {
            !part.resources.is_empty()
                && (&known.api_groups, &known.resources, &known.resource_names)
                    == (&part.api_groups, &part.resources, &part.resource_names)
        };
        match lacking.iter_mut().find(same) {
            Some(known) if has_all(&known.verbs, &part.verbs) => {}
            Some(known) => known.verbs.extend(part.verbs),
            None => lacking.push(part),
        }
    }
    let mut lines: Vec<_> = lacking.iter().map(PolicyRule::compact).collect();
    lines.sort();
    lines.dedup();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(verb: &str, group: &str, resource: &str, name: &str) -> Attributes {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let text = str::to_owned;
        Attributes {
            verb: text(verb),
            group: text(group),
            resource: text(resource),
            subresource: text(subresource),
            name: text(name),
            ..Attributes::default()
        }
    }

    #[test]
    fn au2_a_rule_allows_its_verbs_on_its_resources_and_nothing_else() {
        let rule = PolicyRule::resources;
        let named = PolicyRule { resource_names: vec!["a".into()], ..rule(&["get"], &[""], &["pods"]) };
        for (rule, asked, allowed) in [
            (rule(&["get"], &[""], &["pods"]), asked("get", "", "pods", "p"), true),
            (rule(&["get"], &[""], &["pods"]), asked("list", "", "pods", ""), false),
            (rule(&["get"], &[""], &["pods"]), asked("get", "apps", "pods", ""), false),
            (rule(&["get"], &[""], &["pods"]), asked("get", "", "pods/status", "p"), false),
            (rule(&["get"], &[""], &["pods/status"]), asked("get", "", "pods/status", "p"), true),
            (rule(&["get"], &[""], &["pods/status"]), asked("get", "", "pods", "p"), false),
            (rule(&["get"], &[""], &["*/status"]), asked("get", "", "pods/status", "p"), true),
            (rule(&["get"], &[""], &["*/status"]), asked("get", "", "pods/scale", "p"), false),
            (rule(&["get"], &[""], &["*/status"]), asked("get", "", "pods", "p"), false),
            (rule(&["get"], &[""], &["pods/*"]), asked("get", "", "pods/status", "p"), false),
            (rule(&["*"], &["*"], &["*"]), asked("bind", "x", "y/z", "p"), true),
            (
                rule(&["*"], &["*"], &["*"]),
                Attributes { path: "/a".into(), ..asked("get", "", "", "") },
                false,
            ),
            (named.clone(), asked("get", "", "pods", "a"), true),
            (named.clone(), asked("get", "", "pods", "b"), false),
            (named, asked("get", "", "pods", ""), false),
        ] {
            assert_eq!(rule.allows(&asked), allowed, "{rule:?} {asked:?}");
        }
    }

    #[test]
    fn au2_paths_match_whole_or_by_what_stands_before_a_star() {
        for (url, path, allowed) in [
            ("/healthz", "/healthz", true),
            ("/healthz", "/healthz/ping", false),
            ("/healthz*", "/healthz/ping", true),
            ("/api/*", "/api", false),
            ("/api/*", "/api/v1", true),
            ("*", "/anything", true),
        ] {
            let rule = PolicyRule::paths(&["get"], &[url]);
            let asked = Attributes { path: path.into(), ..asked("get", "", "", "") };
            assert_eq!(rule.allows(&asked), allowed, "{url} {path}");
            assert!(!rule.allows(&Attributes { verb: "post".into(), ..asked }));
        }
    }

    #[test]
    fn au2_what_is_missing_is_told_with_verbs_joined() {
        let rule = PolicyRule::resources;
        let owned = [rule(&["get"], &[""], &["pods"]), rule(&["*"], &["apps"], &["*/status"])];
        let named = PolicyRule { resource_names: vec!["a".into()], ..rule(&["get"], &[""], &["pods"]) };
        let covered = [named, rule(&["patch"], &["apps"], &["deployments/status"])];
        assert_eq!(missing(&owned, &covered), [""; 0]);
        let wanted = [
            rule(&["get", "list", "watch"], &[""], &["pods", "secrets"]),
            rule(&["list"], &[""], &["pods"]),
            PolicyRule::paths(&["get"], &["/metrics"]),
        ];
        assert_eq!(
            missing(&owned, &wanted),
            [
                "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"list\" \"watch\"]}",
                "{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"list\" \"watch\"]}",
                "{NonResourceURLs:[\"/metrics\"], Verbs:[\"get\"]}",
            ]
        );
        let all = [rule(&["*"], &["*"], &["*"]), PolicyRule::paths(&["*"], &["*"])];
        assert_eq!(missing(&all, &wanted), [""; 0]);
        let owned = [PolicyRule { resource_names: vec!["a".into()], ..rule(&["get"], &[""], &["pods"]) }];
        assert_eq!(missing(&owned, &[rule(&["get"], &[""], &["pods"])]).len(), 1, "one name is not all");
    }
}
