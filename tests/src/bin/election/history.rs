//! What the server accepted, by its own word: the watches of the lease and of what the managers write.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http_body_util::BodyExt as _;
use pilothouse::Client;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::{Failure, clock};

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// One change, in the server's own order.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// The server counts all changes of all objects with one counter.
    pub(crate) version: u64,
    /// When this process heard of it.
    pub(crate) at: Duration,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The lease is held.
    Held { term: u64, holder: String },
    /// The lease is nobody's.
    Free,
    /// A manager wrote.
    Write { term: u64, process: String },
    /// Somebody else wrote.
    Other,
}

/// All that was heard.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) changes: Vec<Change>,
    /// The first write of each term.
    pub(crate) first_writes: BTreeMap<u64, Change>,
    /// The newest version of each watch.
    positions: BTreeMap<&'static str, u64>,
}

/// Follows the server in the background.
#[derive(Clone, Debug)]
pub(crate) struct History {
    heard: Arc<watch::Sender<Heard>>,
}

impl History {
    pub(crate) async fn follow(client: &Client) -> Result<Self, Failure> {
        let history = Self { heard: Arc::new(watch::Sender::new(Heard::default())) };
        for path in [LEASES, CONFIG_MAPS] {
            let list: Value = serde_json::from_slice(&get(client, path).await?)?;
            let start = number(&list["metadata"]["resourceVersion"])?;
            let (client, follower) = (client.clone(), history.clone());
            drop(client.clone().environment().spawn("history", async move {
                if let Err(error) = follower.read(&client, path, start).await {
                    eprintln!("the watch of {path} ended: {error}");
                }
            }));
        }
        Ok(history)
    }

    async fn read(&self, client: &Client, path: &'static str, start: u64) -> Result<(), Failure> {
        let mut position = start;
        loop {
            let uri = format!("{path}?watch=true&resourceVersion={position}&timeoutSeconds=3000");
            let mut body = client.send(Request::get(uri).body(Vec::new())?).await?.into_body();
            let mut rest = Vec::new();
            while let Some(frame) = body.frame().await {
                let Ok(data) = frame?.into_data() else { continue };
                rest.extend_from_slice(&data);
                while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = rest.drain(..=end).collect();
                    let change = change(&serde_json::from_slice(&line)?)?;
                    position = change.version;
                    self.note(path, change);
                }
            }
        }
    }

    fn note(&self, path: &'static str, change: Change) {
        self.heard.send_modify(|heard| {
            heard.positions.insert(path, change.version);
            if let What::Write { term, .. } = change.what {
                heard.first_writes.entry(term).or_insert_with(|| change.clone());
            }
            heard.changes.push(change);
        });
    }

    /// Waits until a manager has written at all.
    pub(crate) async fn begun(&self, limit: Duration) -> Result<(), Failure> {
        let mut heard = self.heard.subscribe();
        let begun = timeout(limit, heard.wait_for(|heard| !heard.first_writes.is_empty())).await;
        begun.map_err(|_| format!("nobody wrote within {limit:?}"))??;
        Ok(())
    }

    /// The newest term in which a manager has written, and which one.
    pub(crate) fn newest(&self) -> Option<(u64, String)> {
        let heard = self.heard.borrow();
        heard.first_writes.last_key_value().and_then(|(term, change)| match &change.what {
            What::Write { process, .. } => Some((*term, process.clone())),
            _ => None,
        })
    }

    /// Waits for the first write of a later term: the term, and when this process heard of it.
    pub(crate) async fn next_term(&self, term: u64, limit: Duration) -> Result<(u64, Duration), Failure> {
        let later = |heard: &Heard| {
            heard.first_writes.range(term + 1..).next().map(|(term, change)| (*term, change.at))
        };
        let mut heard = self.heard.subscribe();
        let found = timeout(limit, heard.wait_for(|heard| later(heard).is_some())).await;
        let found = found.map_err(|_| format!("nobody wrote in a term after {term} within {limit:?}"))??;
        later(&found).ok_or_else(|| "the first write is gone".into())
    }

    /// All changes in the server's order, when everything up to now has been heard.
    pub(crate) async fn finish(&self, client: &Client) -> Result<Vec<Change>, Failure> {
        for path in [LEASES, CONFIG_MAPS] {
            let list: Value = serde_json::from_slice(&get(client, path).await?)?;
            let items = list["items"].as_array().into_iter().flatten();
            let versions = items.map(|item| number(&item["metadata"]["resourceVersion"]));
            let newest = versions.collect::<Result<Vec<_>, _>>()?.into_iter().max().unwrap_or(0);
            let mut heard = self.heard.subscribe();
            let known = |heard: &Heard| heard.positions.get(path).copied().unwrap_or(0) >= newest;
            timeout(Duration::from_secs(10), heard.wait_for(known))
                .await
                .map_err(|_| format!("the watch of {path} did not come to version {newest}"))??;
        }
        let mut changes = self.heard.borrow().changes.clone();
        changes.sort_by_key(|change| change.version);
        Ok(changes)
    }
}

async fn get(client: &Client, path: &str) -> Result<Vec<u8>, Failure> {
    let response = client.send(Request::get(path).body(Vec::new())?).await?;
    if !response.status().is_success() {
        return Err(format!("GET {path}: {}", response.status()).into());
    }
    Ok(response.into_body().collect().await?.to_bytes().to_vec())
}

fn number(value: &Value) -> Result<u64, Failure> {
    Ok(value.as_str().ok_or("a number is missing")?.parse()?)
}

fn change(event: &Value) -> Result<Change, Failure> {
    let object = &event["object"];
    if !matches!(event["type"].as_str(), Some("ADDED" | "MODIFIED" | "DELETED")) {
        return Err(format!("an event of another kind: {event}").into());
    }
    let version = number(&object["metadata"]["resourceVersion"])?;
    let what = if object["kind"] == "Lease" || object.get("spec").is_some() {
        let holder = object["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned();
        let term = object["spec"]["leaseTransitions"].as_u64().unwrap_or(0);
        if holder.is_empty() { What::Free } else { What::Held { term, holder } }
    } else if object["data"]["term"].is_string() {
        let process = object["data"]["process"].as_str().unwrap_or_default().to_owned();
        What::Write { term: number(&object["data"]["term"])?, process }
    } else {
        What::Other
    };
    Ok(Change { version, at: clock::now(), what })
}
