//! A subscriber that takes nothing, and others beside it.

use super::Settings;
use crate::Failure;
use crate::candidate::Candidate;
use crate::measure::Work;
use crate::measure::sleeper::{LIMIT, Sleeper};
use crate::progress::Progress;
use crate::run::Bench;
use crate::sample::{Sample, SleeperSample};
use crate::table::{Table, number};
use crate::verdict::Wanted;

const MIB: f64 = 1024.0 * 1024.0;

/// A subscriber that takes nothing while events come in. Gives the verdicts.
pub(super) async fn run(
    settings: &Settings,
    bench: &Bench,
    progress: &Progress,
) -> Result<Vec<Vec<String>>, Failure> {
    let title = "### A subscriber that takes nothing after the first list, and two others beside it\n\n\
        Bound: for a merging sleeper what one change per object keeps alive, which is at most the cache once more; for \
        a lossless one its limit. Lost: events that the lossless subscriber beside it was not told, or out of order. \
        Stale: objects of which the merging subscriber beside it does not know the server's newest state.";
    let columns = [
        "",
        "sleeper",
        "events",
        "MiB before",
        "grew MiB",
        "bound MiB",
        "waiting",
        "told beside it",
        "told at the end",
        "lost",
        "stale",
    ];
    let (mut table, mut verdicts) = (Table::new(title, &columns), Vec::new());
    let (few, many) = (settings.slept_events, settings.slept_events * 4);
    for (candidate, kind, events) in [
        (Candidate::ClientGo, Sleeper::Merging, few),
        (Candidate::Pilothouse, Sleeper::Merging, few),
        (Candidate::Pilothouse, Sleeper::Merging, many),
        (Candidate::Pilothouse, Sleeper::Gap, few),
        (Candidate::Pilothouse, Sleeper::Gap, many),
        (Candidate::Pilothouse, Sleeper::Stall, few),
    ] {
        if !bench.has(candidate) {
            continue;
        }
        let name = name(candidate, kind);
        progress.say(&format!("{}, asleep: {name}, {events} events", candidate.title()));
        let work = Work { events, sleeper: Some(kind), ..settings.work(bench) };
        let sample = bench.measure(candidate, work).await?;
        let slept = sample.sleeper.as_ref().ok_or("a sample without a sleeper")?;
        let grew = slept.peak_mib - sample.list_resident_mib;
        let bound = bound(candidate, kind, &sample);
        let mut cells = vec![candidate.title().to_owned(), name.to_owned(), events.to_string()];
        cells.extend([sample.list_resident_mib, grew, bound].map(number));
        cells.push(waiting(slept));
        let counts = [slept.told_beside_sleeper, slept.versions, slept.lost, slept.stale];
        cells.extend(counts.map(|count| count.to_string()));
        table.row(cells);
        if candidate == Candidate::Pilothouse {
            let goal = |of: &str| format!("{of}, a {name} subscriber asleep, {events} events");
            verdicts.push(Wanted::AtMost(1.0).row(&goal("Memory grown, to the bound"), grew / bound));
            #[expect(clippy::cast_precision_loss, reason = "a count of events")]
            let missed = (slept.lost + slept.stale) as f64;
            verdicts.push(Wanted::AtMost(0.0).row(&goal("Lost or stale beside it"), missed));
        }
    }
    table.print();
    Ok(verdicts)
}

fn name(candidate: Candidate, kind: Sleeper) -> &'static str {
    match kind {
        Sleeper::Merging if candidate.is_go() => "blocked handler",
        Sleeper::Merging => "merging",
        Sleeper::Gap => "lossless, gap",
        Sleeper::Stall => "lossless, stall",
    }
}

/// How much more memory there may be, in MiB; not a number where nothing is promised.
fn bound(candidate: Candidate, kind: Sleeper, sample: &Sample) -> f64 {
    match kind {
        _ if candidate.is_go() => f64::NAN,
        Sleeper::Merging => sample.list_resident_mib - sample.baseline_mib,
        #[expect(clippy::cast_precision_loss, reason = "a limit of megabytes")]
        Sleeper::Gap | Sleeper::Stall => LIMIT as f64 / MIB,
    }
}

fn waiting(sample: &SleeperSample) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a count of bytes")]
    let mebibytes = sample.waiting_bytes as f64 / MIB;
    match sample.waiting_bytes {
        0 => format!("{} changes", sample.waiting_changes),
        _ => format!("{} MiB", number(mebibytes)),
    }
}
