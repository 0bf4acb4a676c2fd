//! Readers, sleepers and relists.

use super::{COMPARED, Settings};
use crate::Failure;
use crate::candidate::Candidate;
use crate::measure::Work;
use crate::run::Bench;
use crate::sample::WatchSample;
use crate::table::{Table, number};

async fn watch(bench: &Bench, candidate: Candidate, work: Work) -> Result<WatchSample, Failure> {
    bench.measure(candidate, work).await?.watch.ok_or_else(|| "a sample without events".into())
}

/// Events as fast as they go, while 0, 1 and 10 threads list everything in a loop.
pub(super) async fn unpaced(settings: &Settings, bench: &Bench) -> Result<(), Failure> {
    let title = "### Events into the cache while readers list all of it in a loop\n\n\
        Per wall second: the kernel shares the cores among readers and writer. Per CPU second: CPU of the process \
        without the reading threads', which no scheduler distorts.";
    let columns = ["", "readers", "events/s", "to none", "events/writer CPU s", "to none", "lists/s"];
    let mut table = Table::new(title, &columns);
    for candidate in COMPARED.into_iter().filter(|candidate| bench.has(*candidate)) {
        let mut alone = None;
        for readers in [0, 1, 10] {
            eprintln!("{}, {readers} readers", candidate.title());
            let events = settings.events_of(candidate, readers);
            let sample = watch(bench, candidate, Work { events, readers, ..settings.work(bench) }).await?;
            let rate = f64::from(events) / sample.cost.wall_seconds;
            let per_cpu = f64::from(events) / sample.writer_cpu_seconds;
            let (rate_alone, per_cpu_alone) = *alone.get_or_insert((rate, per_cpu));
            #[expect(clippy::cast_precision_loss, reason = "a count of lists")]
            let lists = sample.lists as f64 / sample.cost.wall_seconds;
            table.row(vec![
                candidate.title().to_owned(),
                readers.to_string(),
                number(rate),
                number(rate / rate_alone),
                number(per_cpu),
                number(per_cpu / per_cpu_alone),
                number(lists),
            ]);
        }
    }
    table.print();
    Ok(())
}

/// Events at a steady pace.
pub(super) async fn paced(settings: &Settings, bench: &Bench) -> Result<(), Failure> {
    let columns = ["", "sent/s", "readers", "arrived/s", "latest, ms"];
    let mut table =
        Table::new("### Events at a steady pace: rate of arrival, and how late the latest came", &columns);
    for candidate in COMPARED.into_iter().filter(|candidate| bench.has(*candidate)) {
        for (rate, readers) in [(5000, 0), (5000, 10), (20_000, 0), (20_000, 10)] {
            eprintln!("{}, {rate} events/s, {readers} readers", candidate.title());
            let events = settings.events_of(candidate, readers);
            let work = Work { events, rate, readers, ..settings.work(bench) };
            let sample = watch(bench, candidate, work).await?;
            table.row(vec![
                candidate.title().to_owned(),
                rate.to_string(),
                readers.to_string(),
                number(f64::from(events) / sample.cost.wall_seconds),
                sample.latest_ms.to_string(),
            ]);
        }
    }
    table.print();
    Ok(())
}

/// A subscriber that takes nothing while events come in.
pub(super) async fn sleeper(settings: &Settings, bench: &Bench) -> Result<(), Failure> {
    let columns = ["", "events", "MiB before", "peak MiB", "bytes per event"];
    let mut table = Table::new(
        "### A subscriber that sleeps through events (client-go: a handler that blocks)",
        &columns,
    );
    for (candidate, events) in [
        (Candidate::ClientGo, settings.slept_events_go),
        (Candidate::Pilothouse, settings.slept_events_go),
        (Candidate::Pilothouse, settings.slept_events),
    ] {
        if !bench.has(candidate) {
            continue;
        }
        eprintln!("{}, {events} events asleep", candidate.title());
        let work = Work { events, blocked: true, ..settings.work(bench) };
        let sample = bench.measure(candidate, work).await?;
        let (before, peak) =
            (sample.list_resident_mib, sample.watch.map_or(f64::NAN, |watch| watch.peak_mib));
        table.row(vec![
            candidate.title().to_owned(),
            events.to_string(),
            number(before),
            number(peak),
            number((peak - before) * 1024.0 * 1024.0 / f64::from(events)),
        ]);
    }
    table.print();
    Ok(())
}

/// A relist of everything, of which a tenth has changed.
pub(super) async fn relist(settings: &Settings, bench: &Bench) -> Result<(), Failure> {
    let title = format!(
        "### A relist of {} pods: a reader's longest wait, ms\n\nBy the clock, and less the time its thread waited for a core; idle: by the clock, in a second before.",
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
    let mut table = Table::new(title, &columns);
    for candidate in COMPARED.into_iter().filter(|candidate| bench.has(*candidate)) {
        eprintln!("{}, relist", candidate.title());
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
    }
    table.print();
    Ok(())
}
