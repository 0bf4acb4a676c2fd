//! What the traces and the server's history say, and whether that is right.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::Failure;
use crate::arguments::TrialOptions;
use crate::history::{Change, What};
use crate::process;
use crate::trace::{ACCEPTED, Line};
use crate::trial::Way;

/// How long a successor took, by way.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    graceful: Vec<Duration>,
    killed: Vec<Duration>,
    stopped: Vec<Duration>,
}

/// When one manager believed to lead, at least: from the end of the first look that said so to the beginning of the
/// last one. A process that is stopped does not look.
#[derive(Debug)]
struct Reign {
    identity: String,
    from: Duration,
    until: Duration,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    reigns: Vec<Reign>,
    /// Answers to writes, as the managers noted them.
    answers: BTreeMap<String, usize>,
    /// Writes of managers in the server's history, and the terms of its lease.
    accepted: usize,
    terms: usize,
    problems: Vec<String>,
}

impl Evidence {
    pub(crate) fn collect(changes: &[Change], traces: &[&Path]) -> Result<Self, Failure> {
        let mut evidence = Self::default();
        for trace in traces {
            evidence.read(trace)?;
        }
        evidence.find_two_leaders();
        evidence.go_through(changes);
        Ok(evidence)
    }

    fn read(&mut self, trace: &Path) -> Result<(), Failure> {
        let (mut first, mut last) = (None, None);
        for line in process::lines(trace)? {
            match line {
                Line::Ready => {}
                Line::Leads { after, before } => {
                    first.get_or_insert(before);
                    last = Some(after);
                }
                Line::Wrote { outcome, .. } => *self.answers.entry(outcome).or_default() += 1,
            }
        }
        if let (Some(from), Some(until)) = (first, last) {
            let identity = trace.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            self.reigns.push(Reign { identity, from, until });
        }
        Ok(())
    }

    /// No instant at which two believed to lead, in the merged trace.
    fn find_two_leaders(&mut self) {
        self.reigns.sort_by_key(|reign| reign.from);
        for (index, one) in self.reigns.iter().enumerate() {
            for other in &self.reigns[index + 1..] {
                if other.from < one.until {
                    let both = one.until.min(other.until).saturating_sub(other.from);
                    self.problems
                        .push(format!("{} and {} both led for {both:?}", one.identity, other.identity));
                }
            }
        }
    }

    /// The shortest time between two leaders.
    fn shortest_gap(&self) -> Duration {
        let gaps = self.reigns.windows(2).map(|pair| pair[1].from.saturating_sub(pair[0].until));
        gaps.min().unwrap_or_default()
    }

    /// No write of a term after the lease was another's, in the server's order, nor one of who did not hold it.
    fn go_through(&mut self, changes: &[Change]) {
        let mut current: Option<(u64, &str)> = None;
        for pair in changes.windows(2) {
            if pair[0].version >= pair[1].version {
                self.problems.push(format!("version {} was told twice", pair[1].version));
            }
        }
        for change in changes {
            match &change.what {
                What::Held { term, holder } => {
                    let known = current.replace((*term, holder));
                    self.terms += usize::from(known.is_none_or(|(known, _)| known != *term));
                    if let Some((before, by)) =
                        known.filter(|(before, by)| before > term || before == term && by != holder)
                    {
                        let text = format!("the lease went from term {before} of {by} to {term} of {holder}");
                        self.problems.push(text);
                    }
                }
                What::Write { term, process } => {
                    self.accepted += 1;
                    if current != Some((*term, process)) {
                        let version = change.version;
                        let text = format!(
                            "version {version}: {process} wrote in term {term}, the lease was at {current:?}"
                        );
                        self.problems.push(text);
                    }
                }
                What::Free | What::Other => {}
            }
        }
    }
}

impl Figures {
    pub(crate) fn note(&mut self, way: Way, taken: Duration) {
        let list = match way {
            Way::Graceful => &mut self.graceful,
            Way::Killed => &mut self.killed,
            Way::Stopped => &mut self.stopped,
        };
        list.push(taken);
    }

    /// Prints the figures and what is wrong; whether nothing is.
    pub(crate) fn judge(mut self, options: &TrialOptions, evidence: &Evidence, unplanned: usize) -> bool {
        let mut problems = evidence.problems.clone();
        let millis = Duration::from_millis;
        let takeover = options.times.timing().lease_duration + millis(options.slack);
        println!(
            "\n| leader | times | p50 ms | p99 ms | longest ms | at most ms |\n|---|---:|---:|---:|---:|---:|"
        );
        for (name, list, limit, share) in [
            ("stopped gracefully", &mut self.graceful, millis(options.handover), 99),
            ("killed", &mut self.killed, takeover, 100),
            ("stopped by SIGSTOP", &mut self.stopped, takeover, 100),
        ] {
            list.sort();
            let at = |share| percentile(list, share).as_secs_f64() * 1e3;
            let (half, most, all, count) = (at(50), at(99), at(100), list.len());
            let limit = limit.as_secs_f64() * 1e3;
            println!("| {name} | {count} | {half:.1} | {most:.1} | {all:.1} | {limit:.0} |");
            if at(share) > limit {
                problems.push(format!("{name}: {:.1} ms is more than {limit:.0} ms", at(share)));
            }
        }
        let gap = evidence.shortest_gap().as_secs_f64() * 1e3;
        println!(
            "\n{} terms, {} writes accepted, none of them late: {}",
            evidence.terms,
            evidence.accepted,
            evidence.problems.is_empty()
        );
        println!("answers to writes: {:?}; shortest time without a leader: {gap:.2} ms", evidence.answers);
        println!("managers that ended by themselves: {unplanned}");
        if evidence.answers.get(ACCEPTED).is_none_or(|count| *count == 0) {
            problems.push("no write was accepted: this trial shows nothing".into());
        }
        for problem in &problems {
            println!("WRONG: {problem}");
        }
        problems.is_empty()
    }
}

/// The smallest figure that this share of all does not exceed (nearest rank).
fn percentile(sorted: &[Duration], share: usize) -> Duration {
    let rank = (sorted.len() * share).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}
