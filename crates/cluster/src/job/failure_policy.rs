//! What a job's `podFailurePolicy` says about one failed pod (KEP-3329).

use k8s_openapi::api::batch::v1::{
    PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::{ContainerStateTerminated, Pod};

/// What a failed pod means for its job.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It counts towards the back-off limit.
    Count,
    /// It does not.
    Ignore,
    /// The job fails at once, with this message.
    FailJob(String),
}

/// The action of the first rule that matches; a pod that no rule matches counts.
pub(crate) fn judge(policy: &PodFailurePolicy, pod: &Pod) -> Verdict {
    for (position, rule) in policy.rules.iter().enumerate() {
        if let Some(cause) = matched(rule, pod) {
            return match rule.action.as_str() {
                "Ignore" => Verdict::Ignore,
                "FailJob" => Verdict::FailJob(format!(
                    "{cause} for pod {}/{} matching FailJob rule at index {position}",
                    pod.metadata.namespace.as_deref().unwrap_or_default(),
                    pod.metadata.name.as_deref().unwrap_or_default(),
                )),
                _ => Verdict::Count,
            };
        }
    }
    Verdict::Count
}

fn matched(rule: &PodFailurePolicyRule, pod: &Pod) -> Option<String> {
    if let Some(requirement) = &rule.on_exit_codes {
        return endings(pod).find(|(container, end)| is_met(requirement, container, end.exit_code)).map(
            |(container, end)| format!("Container {container} failed with exit code {}", end.exit_code),
        );
    }
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let patterns = rule.on_pod_conditions.as_deref().unwrap_or_default();
    patterns.iter().find_map(|pattern| {
        let wanted = pattern.status.as_deref().unwrap_or("True");
        conditions
            .iter()
            .find(|condition| condition.type_ == pattern.type_ && condition.status == wanted)
            .map(|condition| format!("Pod has condition {}", condition.type_))
    })
}

fn endings(pod: &Pod) -> impl Iterator<Item = (&str, &ContainerStateTerminated)> {
    let status = pod.status.as_ref();
    let main = status.and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
    let init = status.and_then(|status| status.init_container_statuses.as_deref()).unwrap_or_default();
    main.iter().chain(init).filter_map(|container| {
        Some((container.name.as_str(), container.state.as_ref()?.terminated.as_ref()?))
    })
}

/// Exit code 0 never matches: it is no failure.
fn is_met(requirement: &PodFailurePolicyOnExitCodesRequirement, container: &str, code: i32) -> bool {
    let is_named = requirement.container_name.as_deref().is_none_or(|name| name == container);
    let is_listed = requirement.values.contains(&code);
    is_named && code != 0 && if requirement.operator == "NotIn" { !is_listed } else { is_listed }
}
