//! What the operating system tells of the process, under the names that all Prometheus clients use.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::Metrics;
use super::registry::Source;

/// The labels of all of them.
const NONE: [(&str, &str); 0] = [];

/// Shows this process in a registry; nothing where there is no `/proc`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process;

impl Process {
    pub(crate) fn show(metrics: &Metrics) {
        metrics.source(|| Self);
    }
}

impl Source for Process {
    fn gather(&self) -> Box<dyn Collector> {
        Box::new(Reading::take().unwrap_or_default())
    }
}

/// What is known at one moment.
#[derive(Debug, Default)]
struct Reading {
    cpu_seconds: Option<f64>,
    resident_bytes: Option<f64>,
    virtual_bytes: Option<f64>,
    open_files: Option<f64>,
    most_files: Option<f64>,
    start_seconds: Option<f64>,
}

/// What the kernel counts in.
#[derive(Clone, Copy, Debug)]
struct Units {
    ticks_per_second: f64,
    page_bytes: f64,
}

impl Units {
    #[expect(clippy::cast_precision_loss, reason = "100 and 4096")]
    fn of_this_machine() -> Self {
        Self {
            ticks_per_second: rustix::param::clock_ticks_per_second() as f64,
            page_bytes: rustix::param::page_size() as f64,
        }
    }
}

impl Reading {
    fn take() -> Option<Self> {
        let read = |path| std::fs::read_to_string(path).ok();
        let (limits, system) = (read("/proc/self/limits"), read("/proc/stat"));
        let texts = (&*read("/proc/self/stat")?, limits.as_deref(), system.as_deref());
        Some(Self { open_files: open_files(), ..Self::of(texts, Units::of_this_machine())? })
    }

    /// What `/proc/self/stat`, `/proc/self/limits` and `/proc/stat` say: all but the open files.
    fn of((stat, limits, system): (&str, Option<&str>, Option<&str>), units: Units) -> Option<Self> {
        // The second field is the name of the program, which may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        // Numbered from 3 in proc(5): 14 and 15 are time, 22 the start, 23 and 24 memory.
        let number = |field: usize| fields.get(field - 3)?.parse::<f64>().ok();
        let Units { ticks_per_second, page_bytes } = units;
        let booted = system.and_then(boot_seconds);
        Some(Self {
            cpu_seconds: Some((number(14)? + number(15)?) / ticks_per_second),
            resident_bytes: number(24).map(|pages| pages * page_bytes),
            virtual_bytes: number(23),
            open_files: None,
            most_files: limits.and_then(most_files),
            start_seconds: number(22).and_then(|start| Some(booted? + start / ticks_per_second)),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are not so many files")]
fn open_files() -> Option<f64> {
    // One of them is the folder being read.
    Some(std::fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1) as f64)
}

/// `None` also where there is no limit.
fn most_files(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn boot_seconds(system: &str) -> Option<f64> {
    system.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

impl Collector for Reading {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        if let Some(seconds) = self.cpu_seconds {
            let help = "CPU time of the process, all threads, in user space and in the kernel";
            let mut metric =
                encoder.encode_descriptor("process_cpu_seconds", help, None, MetricType::Counter)?;
            ConstCounter::new(seconds).encode(metric.encode_family(&NONE)?)?;
        }
        for (name, help, value) in [
            ("process_resident_memory_bytes", "Memory in use", self.resident_bytes),
            ("process_virtual_memory_bytes", "Address space in use", self.virtual_bytes),
            ("process_open_fds", "Open files and sockets", self.open_files),
            ("process_max_fds", "Open files and sockets there may be", self.most_files),
            ("process_start_time_seconds", "Start of the process, in seconds since 1970", self.start_seconds),
        ] {
            let Some(value) = value else { continue };
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(metric.encode_family(&NONE)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::shown;

    const UNITS: Units = Units { ticks_per_second: 100.0, page_bytes: 4096.0 };
    /// Of a program with an odd name; the numbers that count: 250 and 50 ticks, start 1234, 1000000 bytes, 70 pages.
    const STAT: &str = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 1 0 250 50 8 9 20 0 1 0 1234 1000000 70 \
                        18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
    const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units     \n\
                          Max processes             15000                15000                processes \n\
                          Max open files            1024                 524288               files     \n";
    const SYSTEM: &str = "cpu  1 2 3 4\nintr 5 6\nctxt 77\nbtime 1700000000\nprocesses 88\n";

    #[test]
    fn the_texts_of_the_kernel_are_understood() {
        let reading = Reading::of((STAT, Some(LIMITS), Some(SYSTEM)), UNITS).unwrap();
        assert_eq!(reading.cpu_seconds, Some(3.0));
        assert_eq!(reading.resident_bytes, Some(286_720.0));
        assert_eq!(reading.virtual_bytes, Some(1_000_000.0));
        assert_eq!(reading.most_files, Some(1024.0));
        assert_eq!(reading.start_seconds, Some(1_700_000_012.34));
    }

    #[test]
    fn what_the_kernel_does_not_tell_is_left_out() {
        let reading = Reading::of((STAT, None, None), UNITS).unwrap();
        assert_eq!((reading.most_files, reading.start_seconds), (None, None));
        assert_eq!(reading.cpu_seconds, Some(3.0));
        assert_eq!(
            most_files("Max open files            unlimited            unlimited            files\n"),
            None
        );
        for broken in ["", "7 (a", "7 (a) S 1 7"] {
            assert!(Reading::of((broken, None, None), UNITS).is_none(), "{broken}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_scrape_shows_each_once() {
        let metrics = Metrics::new();
        Process::show(&metrics);
        Process::show(&metrics);
        let text = metrics.encode();
        assert_eq!(text.matches("# TYPE process_cpu_seconds counter").count(), 1, "{text}");
        assert!(shown(&metrics, "process_cpu_seconds_total", &[]).is_some(), "{text}");
        for name in ["resident_memory_bytes", "virtual_memory_bytes", "open_fds", "start_time_seconds"] {
            let name = format!("process_{name}");
            assert_eq!(text.matches(&format!("# TYPE {name} gauge")).count(), 1, "{text}");
            assert!(shown(&metrics, &name, &[]).is_some_and(|value| value > 0.0), "{text}");
        }
    }
}
