//! A relist, and a reader who notes its longest wait.

use super::{COMPARED, Settings};
use crate::Failure;
use crate::candidate::Candidate;
use crate::measure::Work;
use crate::progress::Progress;
use crate::run::Bench;
use crate::table::{Table, number};
use crate::verdict::Wanted;

/// A relist of everything, of which a tenth has changed. Gives the verdicts.
pub(super) async fn run(
    settings: &Settings,
    bench: &Bench,
    progress: &Progress,
) -> Result<Vec<Vec<String>>, Failure> {
    let title = format!(
        "### A relist of {} pods: a reader's longest wait, ms\n\nBy the clock, and less the time its thread waited for \
         a core; idle: by the clock, in a second before, which is the control.",
        settings.relist_objects
    );
    let columns = [
        "",
        "get, idle",
        "get",
        "less queue",
        "list, idle",
        "list of a namespace",
        "less queue",
        "CPU s",
        "MiB before",
        "peak MiB",
    ];
    let (mut table, mut verdicts) = (Table::new(title, &columns), Vec::new());
    for candidate in COMPARED.into_iter().filter(|candidate| bench.has(*candidate)) {
        progress.say(&format!("{}, relist of {}", candidate.title(), settings.relist_objects));
        let work = Work { objects: settings.relist_objects, events: 0, relist: true, ..settings.work(bench) };
        let sample = bench.measure(candidate, work).await?;
        let relist = sample.relist.ok_or("a sample without a relist")?;
        let figures = [
            relist.idle.get_ms,
            relist.stalls.get_ms,
            relist.stalls.get_quiet_ms,
            relist.idle.list_ms,
            relist.stalls.list_ms,
            relist.stalls.list_quiet_ms,
            relist.cost.cpu_seconds,
            sample.list_resident_mib,
            relist.peak_mib,
        ];
        let cells = figures.into_iter().map(number);
        table.row(std::iter::once(candidate.title().to_owned()).chain(cells).collect());
        if candidate == Candidate::Pilothouse {
            for (which, wait) in [
                ("by the clock", relist.stalls.get_ms),
                ("less its wait for a core", relist.stalls.get_quiet_ms),
            ] {
                let goal = format!("Longest wait for a get during a relist, {which}, ms");
                verdicts.push(Wanted::AtMost(2.0).row(&goal, wait));
            }
        }
    }
    table.print();
    Ok(verdicts)
}
