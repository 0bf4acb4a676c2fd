//! How many versions of objects the logbook records per second, by size of batch.
//!
//! Lives of jobs and of their pods are recorded into a new database file with `synchronous=FULL`, in batches of 1, 20
//! and 200 versions. Making the objects is not measured; parsing, compressing and committing them is.
//!
//! ```text
//! cargo run --release -p pilothouse-logbook --example commit_rate -- [versions] [pods per job] [folder]
//! ```
//!
//! The folder decides on which disk the database is; without one it is the system's folder for temporary files.

use std::error::Error;
use std::sync::Arc;

use pilothouse::journal::{JournalBatch, JournalEntry, JournalEvent, Provenance};
use pilothouse::{CachedObject, Environment, Metrics, ResourceType};
use pilothouse_logbook::LogbookMetrics;
use pilothouse_logbook::recorder::Recorder;
use pilothouse_logbook::store::{Location, Store};
use serde_json::{Value, json};
use tokio::time::Instant;

static JOBS: ResourceType = ResourceType::namespaced("batch", "v1", "jobs", "Job");
static PODS: ResourceType = ResourceType::namespaced("", "v1", "pods", "Pod");
const BATCHES: [usize; 3] = [1, 20, 200];
const TIME: &str = "2026-01-01T00:00:01Z";

#[expect(clippy::cast_precision_loss, reason = "rates are approximate")]
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let versions = arguments.next().map_or(Ok(20_000), |text| text.parse())?;
    let pods_per_job = arguments.next().map_or(Ok(4), |text| text.parse())?;
    let folder = arguments.next().map_or_else(std::env::temp_dir, Into::into);
    println!("{pods_per_job} pods per job, database in {}", folder.display());
    println!("{:>6} {:>9} {:>9} {:>12} {:>12}", "batch", "versions", "seconds", "versions/s", "bytes each");
    for size in BATCHES {
        // Small batches pay for the disk each time: fewer of them say as much.
        let wanted = if size == 1 { versions / 10 } else { versions };
        let folder = tempfile::tempdir_in(&folder)?;
        let path = folder.path().join("logbook.sqlite");
        let store = Store::open(&Location::File(path.clone())).await?;
        let metrics = LogbookMetrics::new(&Metrics::new());
        let recorder = Recorder::open(store, "bench", &[], Environment::real(), metrics).await?;
        let batches = batches(wanted, pods_per_job, size)?;
        let recorded: usize = batches.iter().map(|batch| batch.entries.len()).sum();
        let begun = Instant::now();
        for batch in &batches {
            recorder.commit(batch).await?;
        }
        let seconds = begun.elapsed().as_secs_f64();
        let bytes = std::fs::metadata(&path)?.len() as f64 / recorded as f64;
        let rate = recorded as f64 / seconds;
        println!("{size:>6} {recorded:>9} {seconds:>9.2} {rate:>12.0} {bytes:>12.0}");
    }
    Ok(())
}

/// Batches of the two streams in turn, as jobs that live beside each other make them.
fn batches(versions: usize, pods_per_job: usize, size: usize) -> Result<Vec<JournalBatch>, Box<dyn Error>> {
    let (mut jobs, mut pods, mut version) = (Vec::new(), Vec::new(), 0_usize);
    for number in 0.. {
        if version >= versions {
            break;
        }
        for stage in 0..5 {
            version += 1;
            jobs.push(entry(&JOBS, stage, &job(number, stage, version))?);
            for pod_number in 0..pods_per_job {
                version += 1;
                pods.push(entry(&PODS, stage, &pod(number, pod_number, stage, version))?);
            }
        }
    }
    let mut batches = Vec::new();
    let (mut jobs, mut pods) = (jobs.into_iter().peekable(), pods.into_iter().peekable());
    while jobs.peek().is_some() || pods.peek().is_some() {
        for _ in 0..pods_per_job.max(1) {
            batches.extend(batch(&PODS, pods.by_ref().take(size).collect()));
        }
        batches.extend(batch(&JOBS, jobs.by_ref().take(size).collect()));
    }
    Ok(batches)
}

fn batch(resource: &ResourceType, entries: Vec<JournalEntry>) -> Option<JournalBatch> {
    let position = entries.last()?.resource_version.clone();
    Some(JournalBatch { resource: resource.clone(), entries, position, gap: None })
}

fn entry(resource: &ResourceType, stage: usize, object: &Value) -> Result<JournalEntry, Box<dyn Error>> {
    let object = CachedObject::from_value(object, resource)?;
    Ok(JournalEntry {
        event: if stage == 0 { JournalEvent::Added } else { JournalEvent::Modified },
        key: object.key().clone(),
        uid: object.uid().clone(),
        resource_version: object.resource_version().clone(),
        object: Some(Arc::new(object)),
        provenance: Provenance::Watch,
        observed_at: TIME.parse()?,
    })
}

fn metadata(name: &str, version: usize) -> Value {
    json!({"namespace": "default", "name": name, "uid": format!("{name}-uid"), "resourceVersion": version.to_string(),
        "creationTimestamp": TIME, "labels": {"app": "bench", "team": "research"}})
}

/// A template of a usual size.
fn template() -> Value {
    let variables: Vec<_> =
        (0..20).map(|n| json!({"name": format!("NAME_{n}"), "value": "a value"})).collect();
    json!({"restartPolicy": "Never", "containers": [{"name": "main", "image": "registry.example.com/train:1.2.3",
        "command": ["python", "train.py", "--epochs", "10"], "env": variables,
        "resources": {"requests": {"cpu": "4", "memory": "16Gi"}, "limits": {"memory": "16Gi"}}}]})
}

fn job(number: usize, stage: usize, version: usize) -> Value {
    let status = match stage {
        0 => json!({}),
        4 => {
            json!({"succeeded": 1, "completionTime": TIME, "conditions": [{"type": "Complete", "status": "True",
            "lastTransitionTime": TIME, "reason": "CompletionsReached"}]})
        }
        _ => json!({"active": 1, "startTime": TIME, "ready": usize::from(stage > 2)}),
    };
    json!({"metadata": metadata(&format!("job-{number}"), version), "spec": {"completions": 1, "parallelism": 1,
        "template": {"spec": template()}}, "status": status})
}

fn pod(job: usize, number: usize, stage: usize, version: usize) -> Value {
    let mut metadata = metadata(&format!("job-{job}-{number}"), version);
    metadata["ownerReferences"] = json!([{"apiVersion": "batch/v1", "kind": "Job", "name": format!("job-{job}"),
        "uid": format!("job-{job}-uid"), "controller": true}]);
    let (phase, state) = match stage {
        0 | 1 => ("Pending", json!({"waiting": {"reason": "ContainerCreating"}})),
        2 | 3 => ("Running", json!({"running": {"startedAt": TIME}})),
        _ => (
            "Succeeded",
            json!({"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": TIME,
            "finishedAt": TIME}}),
        ),
    };
    let mut spec = template();
    spec["nodeName"] = json!("node-1");
    json!({"metadata": metadata, "spec": spec, "status": {"phase": phase, "podIP": "10.0.0.1",
        "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": TIME}],
        "containerStatuses": [{"name": "main", "restartCount": 0, "ready": stage == 2, "state": state}]}})
}
