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
        Grew: the peak less the memory before; by the sleeper: less what the same events do to memory when nobody \
        sleeps. Bound: for a merging sleeper one change per object, at most the cache once more; for \
        a lossless one its limit. Lost: events that the lossless subscriber beside it was not told, or out of order. \
        Stale: objects of which the merging subscriber beside it does not know the server's newest state.";
    let columns = [
        "",
        "sleeper",
        "events",
        "MiB before",
        "grew MiB",
        "by the sleeper",
        "bound MiB",
        "waiting",
        "told beside it",
        "told at the end",
        "lost",
        "stale",
    ];
    let (mut table, mut verdicts) = (Table::new(title, &columns), Vec::new());
    let (few, many) = (settings.slept_events, settings.slept_events * 4);
    let mut control = f64::NAN;
    // Each control stands before those it is for.
    for (candidate, kind, events) in [
        (Candidate::ClientGo, Sleeper::Nobody, few),
        (Candidate::ClientGo, Sleeper::Merging, few),
        (Candidate::Pilothouse, Sleeper::Nobody, few),
        (Candidate::Pilothouse, Sleeper::Merging, few),
        (Candidate::Pilothouse, Sleeper::Gap, few),
        (Candidate::Pilothouse, Sleeper::Stall, few),
        (Candidate::Pilothouse, Sleeper::Nobody, many),
        (Candidate::Pilothouse, Sleeper::Merging, many),
        (Candidate::Pilothouse, Sleeper::Gap, many),
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
        if kind == Sleeper::Nobody {
            control = grew;
        }
        let (bound, by_sleeper) = (bound(candidate, kind, &sample), (grew - control).max(0.0));
        let mut cells = vec![candidate.title().to_owned(), name.to_owned(), events.to_string()];
        cells.extend([sample.list_resident_mib, grew, by_sleeper, bound].map(number));
        cells.push(waiting(slept));
        let counts = [slept.told_beside_sleeper, slept.versions, slept.lost, slept.stale];
        cells.extend(counts.map(|count| count.to_string()));
        table.row(cells);
        if candidate == Candidate::Pilothouse && kind != Sleeper::Nobody {
            let goal = |of: &str| format!("{of}, a {name} subscriber asleep, {events} events");
            verdicts
                .push(Wanted::AtMost(1.0).row(&goal("Memory grown by it, to the bound"), by_sleeper / bound));
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
        Sleeper::Nobody => "nobody",
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
        Sleeper::Nobody => f64::NAN,
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
