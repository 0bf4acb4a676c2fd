//! Runs a whole cluster (API server, controllers, jobs) under one paused, single-threaded runtime without
//! sockets, and prints every request that the API server saw: `trace SEED`.

use std::time::Duration;

use pilothouse::{Client, ClientOptions, Environment, Manager, Metrics};
use pilothouse_apiserver::{ApiServer, RequestRecord};
use pilothouse_cluster::{ClusterOptions, SimulatedCluster};
use serde_json::json;

/// How much simulated time the run takes.
const LENGTH: Duration = Duration::from_mins(5);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seed = std::env::args().nth(1).ok_or("usage: trace SEED")?.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    for line in runtime.block_on(run(seed))? {
        println!("{line}");
    }
    Ok(())
}

async fn run(seed: u64) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let environment = Environment::simulated(seed, "2026-01-01T00:00:00Z".parse()?);
    let server = ApiServer::builder().environment(environment.clone()).request_log(100_000).build();
    let inner = pilothouse::kube::Client::new(server.clone(), "default");
    let client = Client::new(inner, ClientOptions::unlimited(), &environment, &Metrics::new());
    let manager = Manager::new("trace").client(client.clone()).environment(environment.clone());
    let manager = SimulatedCluster::new(ClusterOptions::default()).add_to(manager);
    let submitting = environment.spawn("submit", submit(client, environment.clone()));
    manager.run_until(tokio::time::sleep(LENGTH)).await?;
    submitting.await??;
    Ok(server.request_log().iter().map(line).collect())
}

fn line(record: &RequestRecord) -> String {
    let code = record.code.map_or_else(|| "-".to_owned(), |code| code.to_string());
    format!("{code} {} {}?{}", record.verb, record.path, record.query)
}

/// Thirty jobs of every outcome, at moments that the seed decides.
async fn submit(client: Client, environment: Environment) -> Result<(), pilothouse::ClientError> {
    for number in 0..30 {
        let failing = environment.random_index(4) == 0;
        let seconds = environment.random_index(20).to_string();
        let job = json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"generateName": format!("job-{number}-")},
            "spec": {"parallelism": 1 + environment.random_index(3), "completions": 3, "backoffLimit": 1, "template": {
                "metadata": {"annotations": {
                    "simulation.pilothouse.dev/run-seconds": seconds,
                    "simulation.pilothouse.dev/exit-code": if failing { "1" } else { "0" }
                }},
                "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox"}]}
            }}
        });
        client.post_json("/apis/batch/v1/namespaces/default/jobs", &job).await?;
        tokio::time::sleep(Duration::from_millis(environment.random_u64() % 3000)).await;
    }
    Ok(())
}
