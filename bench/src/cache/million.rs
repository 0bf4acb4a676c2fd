//! A very large compact cache, filled by a generator: the informer's client talks to a service in this process.

use std::convert::Infallible;
use std::env;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures::stream;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use k8s_openapi::api::core::v1::Pod;
use pilothouse::{
    Client, ClientOptions, Environment, Informer, Informers, Metrics, Object, ObjectKey, Selection,
};
use serde::{Deserialize, Serialize};

use crate::candidate::Candidate;
use crate::pods::{self, Size};
use crate::process::{Meter, peak_mib, resident_mib, settled_mib};
use crate::server::state::LIST_VERSION;
use crate::table::{Table, number};
use crate::verdict::Wanted;
use crate::{Failure, measure};

/// Objects of one frame of the generated body.
const PODS_PER_FRAME: u32 = 8;
const READS: u32 = 20_000;
const NAMESPACES_LISTED: u32 = 20;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// What the process with the cache says. Memory in MiB, times in microseconds.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Sample {
    fill_cpu_seconds: f64,
    /// Resident before the client was made.
    baseline_mib: f64,
    peak_mib: f64,
    resident_mib: f64,
    fill_wall_seconds: f64,
    /// Half of the reads took no longer, 99 of 100, all.
    get_bytes: [f64; 3],
    get_typed: [f64; 3],
    list_thousand: f64,
    listed: usize,
}

/// Fills a cache in a new process and prints what it says. Gives the verdicts.
pub(super) async fn compare(objects: u32, size: Size) -> Result<Vec<Vec<String>>, Failure> {
    let columns = [
        "",
        "objects",
        "fill CPU s",
        "wall s",
        "resident MiB",
        "peak MiB",
        "B/object",
        "get bytes us (p50 / p99 / max)",
        "get typed us (p50 / p99 / max)",
        "list 1,000 ms",
    ];
    let title = "### A very large cache, filled by a generator (whose CPU is in the figure)";
    let (mut table, mut verdicts) = (Table::new(title, &columns), Vec::new());
    for candidate in [Candidate::PilothouseCompact] {
        if !measure::is_built(candidate) {
            eprintln!("not in this version of Pilothouse: no row \"{}\"", candidate.title());
            continue;
        }
        let output = tokio::process::Command::new(env::current_exe()?)
            .args(["fill", "--candidate", &candidate.argument(), "--objects", &objects.to_string()])
            .args(["--size", size.argument()])
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .await?;
        let sample: Sample = serde_json::from_slice(&output.stdout)?;
        let per_object = (sample.resident_mib - sample.baseline_mib) * 1024.0 * 1024.0 / f64::from(objects);
        #[expect(clippy::cast_precision_loss, reason = "a count of objects")]
        let thousand = sample.list_thousand / sample.listed.max(1) as f64;
        let figures = [
            sample.fill_cpu_seconds,
            sample.fill_wall_seconds,
            sample.resident_mib,
            sample.peak_mib,
            per_object,
        ];
        let three = |values: [f64; 3]| values.map(number).join(" / ");
        let mut row = vec![candidate.title().to_owned(), objects.to_string()];
        row.extend(figures.into_iter().map(number));
        row.extend([three(sample.get_bytes), three(sample.get_typed), number(thousand)]);
        table.row(row);
        verdicts.extend([
            Wanted::AtMost(1536.0).row(&format!("Peak of {objects} pods, MiB"), sample.peak_mib),
            Wanted::AtMost(10.0).row("Get of the bytes, median, us", sample.get_bytes[0]),
            Wanted::AtMost(100.0).row("Get of the typed object, median, us", sample.get_typed[0]),
            Wanted::AtMost(20.0).row("List of 1,000 objects of a namespace, ms", thousand),
        ]);
    }
    table.print();
    Ok(verdicts)
}

/// Fills a cache in this process and reads from it.
pub(crate) async fn fill(candidate: Candidate, objects: u32, size: Size) -> Result<Sample, Failure> {
    let baseline_mib = resident_mib()?;
    let service = tower::service_fn(move |request: Request<kube::client::Body>| async move {
        Ok::<_, Infallible>(answer(&request, objects, size))
    });
    let (environment, metrics) = (Environment::real(), Metrics::new());
    let kube = kube::Client::new(service, "default");
    let client = Client::new(kube, ClientOptions::unlimited(), &environment, &metrics);
    let options = measure::options(candidate).ok_or("this version does not have the configuration")?;
    let options = options.with_selection(Selection::default()).with_streaming_list(false);
    let meter = Meter::start();
    let informers = Informers::new(client, environment, metrics);
    let informer = informers.informer_with(&Pod::resource_type(), options)?;
    if !informer.wait_synced().await {
        return Err("the cache was not filled".into());
    }
    let fill = meter.read();
    let (peak_mib, resident_mib) = (peak_mib()?, settled_mib().await?);
    if informer.store().snapshot().len() != usize::try_from(objects)? {
        return Err("the store does not hold what was listed".into());
    }
    let get_bytes = each_key(&informer, objects, |object| Ok(object.json()?.len()))?;
    let get_typed =
        each_key(&informer, objects, |object| Ok(object.decode::<Pod>()?.metadata.name.is_some().into()))?;
    let (list_thousand, listed) = namespaces(&informer)?;
    Ok(Sample {
        fill_cpu_seconds: fill.cpu_seconds,
        fill_wall_seconds: fill.wall_seconds,
        baseline_mib,
        peak_mib,
        resident_mib,
        get_bytes,
        get_typed,
        list_thousand,
        listed,
    })
}

/// Microseconds of one read of objects all over the cache: median, 99 of 100, longest.
fn each_key(
    informer: &Informer,
    objects: u32,
    read: impl Fn(&pilothouse::CachedObject) -> Result<usize, Failure>,
) -> Result<[f64; 3], Failure> {
    let keys: Vec<ObjectKey> = (0..READS.min(objects))
        .map(|number| u32::try_from(u64::from(number) * 7919 % u64::from(objects)).unwrap_or(0))
        .map(|number| ObjectKey::new(pods::namespace(number), pods::name(number)))
        .collect();
    let mut times = Vec::with_capacity(keys.len());
    for key in &keys {
        let started = Instant::now();
        let object = informer.store().get(key).ok_or("an object is missing")?;
        std::hint::black_box(read(&object)?);
        times.push(started.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    let at = |percent: usize| times.get(times.len() * percent / 100).copied();
    let longest = times.last().copied().unwrap_or(f64::NAN);
    Ok([at(50).unwrap_or(longest), at(99).unwrap_or(longest), longest])
}

/// Microseconds of listing a thousand objects of one namespace with their bytes, and how many were listed.
fn namespaces(informer: &Informer) -> Result<(f64, usize), Failure> {
    let (started, mut listed) = (Instant::now(), 0);
    for number in 0..NAMESPACES_LISTED {
        let snapshot = informer.store().snapshot();
        for object in snapshot.in_namespace(&pods::namespace(number * 10)).take(1000) {
            std::hint::black_box(object.json()?.len());
            listed += 1;
        }
    }
    let micros = started.elapsed().as_secs_f64() * 1e6 / f64::from(NAMESPACES_LISTED);
    Ok((micros, listed / NAMESPACES_LISTED as usize))
}

/// A list as it is generated, in one piece; a watch stays silent.
fn answer(request: &Request<kube::client::Body>, objects: u32, size: Size) -> Response<Body> {
    if request.uri().query().unwrap_or_default().contains("watch=") {
        return respond(
            StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>()).boxed_unsync(),
        );
    }
    let opening = format!(
        "{{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{{\"resourceVersion\":\"{LIST_VERSION}\"}},\"items\":["
    );
    let opening: Arc<str> = opening.into();
    let frames = stream::unfold(0, move |number| {
        let opening = Arc::clone(&opening);
        async move {
            if number > objects {
                return None;
            }
            let mut text = String::new();
            if number == 0 {
                text.push_str(&opening);
            }
            let end = (number + PODS_PER_FRAME).min(objects);
            for each in number..end {
                text.push_str(if each == 0 { "" } else { "," });
                pods::write(each, 100_000_000 + each, size, &mut text);
            }
            let next = if end == objects {
                text.push_str("]}");
                objects + 1
            } else {
                end
            };
            Some((Ok::<_, Infallible>(Frame::data(Bytes::from(text))), next))
        }
    });
    respond(StreamBody::new(frames).boxed_unsync())
}

fn respond(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    response
}
