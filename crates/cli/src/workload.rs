//! The small mixed workload of the demo: what a day on a batch platform looks like, in two minutes.

use std::time::Duration;

use pilothouse::{Client, ClientError, Environment};
use pilothouse_cluster::SimulatedNode;
use serde_json::{Value, json};

/// One kind of job that the workload draws from.
struct Template {
    name: &'static str,
    image: &'static str,
    command: &'static [&'static str],
    user: &'static str,
    gpus: u32,
    parallelism: u32,
    completions: u32,
    backoff_limit: u32,
    deadline_seconds: Option<u32>,
    annotations: &'static [(&'static str, &'static str)],
    weight: usize,
}

const PLAIN: Template = Template {
    name: "",
    image: "registry.example/tools:1",
    command: &["run"],
    user: "ana",
    gpus: 0,
    parallelism: 1,
    completions: 1,
    backoff_limit: 2,
    deadline_seconds: None,
    annotations: &[],
    weight: 1,
};

const TEMPLATES: &[Template] = &[
    Template {
        name: "train-resnet",
        image: "registry.example/torch:2.9",
        command: &["python", "train.py"],
        gpus: 4,
        annotations: &[("run-seconds", "45")],
        weight: 3,
        ..PLAIN
    },
    Template {
        name: "sweep",
        image: "registry.example/torch:2.9",
        command: &["python", "sweep.py"],
        user: "bo",
        gpus: 1,
        parallelism: 3,
        completions: 6,
        annotations: &[("run-seconds", "12")],
        weight: 2,
        ..PLAIN
    },
    Template {
        name: "preprocess",
        command: &["python", "preprocess.py"],
        user: "chen",
        annotations: &[("run-seconds", "8")],
        weight: 4,
        ..PLAIN
    },
    Template {
        name: "evaluate",
        command: &["python", "evaluate.py"],
        user: "chen",
        annotations: &[("run-seconds", "10"), ("fail-first-attempts", "1")],
        weight: 2,
        ..PLAIN
    },
    Template {
        name: "nightly-report",
        command: &["report", "--yesterday"],
        user: "dee",
        backoff_limit: 1,
        annotations: &[("run-seconds", "5"), ("exit-code", "3")],
        weight: 1,
        ..PLAIN
    },
    Template {
        name: "big-batch",
        image: "registry.example/torch:2.9",
        command: &["python", "train.py", "--batch", "4096"],
        user: "bo",
        gpus: 2,
        backoff_limit: 0,
        annotations: &[("run-seconds", "15"), ("exit-code", "137"), ("reason", "OOMKilled")],
        weight: 1,
        ..PLAIN
    },
    Template {
        name: "typo",
        image: "registry.example/toools:1",
        command: &["run"],
        user: "dee",
        deadline_seconds: Some(40),
        annotations: &[("image-error", "manifest unknown")],
        weight: 1,
        ..PLAIN
    },
];

/// The nodes that the workload runs on: enough for it to flow, few enough that a job waits now and then.
pub(crate) fn nodes() -> [SimulatedNode; 4] {
    let plain = |name| SimulatedNode::new(name).with_resource("cpu", "32").with_resource("memory", "256Gi");
    let with_gpus = |name| plain(name).with_resource("nvidia.com/gpu", "8");
    [plain("node-1"), plain("node-2"), with_gpus("gpu-1"), with_gpus("gpu-2")]
}

/// Submits a first handful of jobs at once, then one every few seconds (divided by `speed`), until dropped.
///
/// Which jobs and when depends only on the environment's seed. A refused submission is logged and skipped: the
/// demo goes on.
pub(crate) async fn submit_for_ever(client: Client, environment: Environment, speed: f64) {
    for sequence in 0_u32.. {
        let template = draw(&environment);
        if let Err(error) = submit(&client, template, sequence).await {
            tracing::warn!(job = template.name, %error, "could not submit a job of the demo's workload");
        }
        let pause = if sequence < 5 { 0.4 } else { 4.0 + 10.0 * environment.random_fraction() };
        tokio::time::sleep(Duration::from_secs_f64(pause / speed)).await;
    }
}

fn draw(environment: &Environment) -> &'static Template {
    let total = TEMPLATES.iter().map(|template| template.weight).sum();
    let mut ticket = environment.random_index(total);
    for template in TEMPLATES {
        if ticket < template.weight {
            return template;
        }
        ticket -= template.weight;
    }
    &PLAIN
}

async fn submit(client: &Client, template: &Template, sequence: u32) -> Result<(), ClientError> {
    let path = "/apis/batch/v1/namespaces/default/jobs";
    client.post_json(path, &manifest(template, sequence)).await.map(|_| ())
}

fn manifest(template: &Template, sequence: u32) -> Value {
    let hint = |(key, value): &(&str, &str)| (format!("simulation.pilothouse.dev/{key}"), json!(value));
    let hints: serde_json::Map<String, Value> = template.annotations.iter().map(hint).collect();
    let resources = match template.gpus {
        0 => json!({"requests": {"cpu": "1", "memory": "1Gi"}}),
        gpus => json!({
            "requests": {"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": gpus.to_string()},
            "limits": {"nvidia.com/gpu": gpus.to_string()}
        }),
    };
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": format!("{}-{sequence}", template.name),
            "annotations": {"logbook.pilothouse.dev/submitted-by": template.user}
        },
        "spec": {
            "parallelism": template.parallelism,
            "completions": template.completions,
            "backoffLimit": template.backoff_limit,
            "activeDeadlineSeconds": template.deadline_seconds,
            "template": {
                "metadata": {"annotations": hints},
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{
                        "name": "main",
                        "image": template.image,
                        "command": template.command,
                        "resources": resources
                    }]
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::batch::v1::Job;

    use super::*;

    #[test]
    fn every_template_is_a_valid_job() {
        for template in TEMPLATES {
            let job: Job = serde_json::from_value(manifest(template, 1)).unwrap();
            assert_eq!(job.metadata.name.unwrap(), format!("{}-1", template.name));
        }
    }

    #[tokio::test]
    async fn the_same_seed_draws_the_same_jobs() {
        let names = |seed| {
            let environment = Environment::simulated(seed, jiff::Timestamp::UNIX_EPOCH);
            (0..20).map(|_| draw(&environment).name).collect::<Vec<_>>()
        };
        assert_eq!(names(7), names(7));
        assert_ne!(names(7), names(8));
    }
}
