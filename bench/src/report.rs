//! Tables and JSON.

use serde_json::json;

use crate::Failure;
use crate::candidate::Candidate;
use crate::compare::Phase;
use crate::sample::{Sample, WatchSample};

/// The samples of one candidate.
#[derive(Debug)]
pub(crate) struct Results {
    candidate: Candidate,
    pub(crate) samples: Vec<Sample>,
}

/// Everything one run measured.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) objects: u32,
    /// The mean size of an object, in bytes.
    pub(crate) object_bytes: usize,
    pub(crate) events: u32,
    pub(crate) results: Vec<Results>,
}

impl Results {
    pub(crate) fn new(candidate: Candidate) -> Self {
        Self { candidate, samples: Vec::new() }
    }

    /// Smallest, median and largest.
    fn spread(&self, value: impl Fn(&Sample) -> f64) -> [f64; 3] {
        let mut values: Vec<f64> = self.samples.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        [at(0), at(values.len() / 2), at(values.len().saturating_sub(1))]
    }
}

impl Report {
    pub(crate) fn print_json(&self) -> Result<(), Failure> {
        let results: Vec<_> = self
            .results
            .iter()
            .map(|results| json!({"candidate": results.candidate.argument(), "samples": results.samples}))
            .collect();
        let report = json!({"objects": self.objects, "objectBytes": self.object_bytes, "events": self.events,
            "results": results});
        println!("{}", serde_json::to_string_pretty(&report)?);
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "as print_json")]
    pub(crate) fn print_table(&self, phase: Phase) -> Result<(), Failure> {
        println!("{} pods of {} bytes on average", self.objects, self.object_bytes);
        match phase {
            Phase::List => {
                self.print("CPU seconds of the list", 2, |sample| sample.list.cpu_seconds);
                self.print("Wall seconds of the list", 2, |sample| sample.list.wall_seconds);
                self.print("Peak memory of the list, MiB", 0, |sample| sample.list_peak_mib);
                self.print("Resident memory after the list, MiB", 0, |sample| sample.list_resident_mib);
            }
            Phase::Watch => {
                println!("{} events", self.events);
                // Of merged changes only one is work done, so what was taken counts, not what was sent.
                self.print("Events taken per CPU second", 0, |sample| {
                    of_watch(sample, |watch| f64::from(watch.taken) / watch.cost.cpu_seconds)
                });
                self.print("Events taken per wall second", 0, |sample| {
                    of_watch(sample, |watch| f64::from(watch.taken) / watch.cost.wall_seconds)
                });
                self.print("Resident memory after the events, MiB", 0, |sample| {
                    of_watch(sample, |watch| watch.resident_mib)
                });
                self.print("Events taken", 0, |sample| of_watch(sample, |watch| f64::from(watch.taken)));
            }
        }
        Ok(())
    }

    /// A table of one number; ratios are of medians, to the peer as it comes and with `managedFields` cleared.
    fn print(&self, title: &str, digits: usize, value: impl Fn(&Sample) -> f64) {
        let median_of = |candidate| {
            let results = self.results.iter().find(|results| results.candidate == candidate);
            results.map_or(f64::NAN, |results| results.spread(&value)[1])
        };
        let (whole, cut) = (median_of(Candidate::KubeRuntime), median_of(Candidate::KubeRuntimeCut));
        println!("\n| {title} | min | median | max | to default | to cleared |");
        println!("|---|---:|---:|---:|---:|---:|");
        for results in &self.results {
            let [least, median, most] = results.spread(&value);
            println!(
                "| {} | {least:.digits$} | {median:.digits$} | {most:.digits$} | {:.2} | {:.2} |",
                results.candidate.title(),
                median / whole,
                median / cut,
            );
        }
    }
}

fn of_watch(sample: &Sample, value: impl Fn(&WatchSample) -> f64) -> f64 {
    sample.watch.as_ref().map_or(f64::NAN, value)
}
