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

impl Reading {
    fn take() -> Option<Self> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // The second field is the name of the program, which may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        // Numbered from 3 in proc(5): 14 and 15 are time, 22 the start, 23 and 24 memory.
        let number = |field: usize| fields.get(field - 3)?.parse::<f64>().ok();
        #[expect(clippy::cast_precision_loss, reason = "100 and 4096")]
        let (ticks, page) =
            (rustix::param::clock_ticks_per_second() as f64, rustix::param::page_size() as f64);
        Some(Self {
            cpu_seconds: Some((number(14)? + number(15)?) / ticks),
            resident_bytes: number(24).map(|pages| pages * page),
            virtual_bytes: number(23),
            open_files: open_files(),
            most_files: most_files(),
            start_seconds: number(22).and_then(|start| Some(boot_seconds()? + start / ticks)),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are not so many files")]
fn open_files() -> Option<f64> {
    // One of them is the folder being read.
    Some(std::fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1) as f64)
}

fn most_files() -> Option<f64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn boot_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
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

    #[test]
    #[cfg(target_os = "linux")]
    fn a_scrape_shows_what_the_process_uses() {
        let metrics = Metrics::new();
        Process::show(&metrics);
        Process::show(&metrics);
        let read = |name| shown(&metrics, name, &[]);
        let text = metrics.encode();
        assert_eq!(text.matches("# TYPE process_cpu_seconds counter").count(), 1, "{text}");
        let before = read("process_cpu_seconds_total").unwrap();
        let mut sum = 0_u64;
        while read("process_cpu_seconds_total").unwrap() < before + 0.02 {
            sum = (0..100_000_u64).fold(sum, |sum, number| std::hint::black_box(sum.wrapping_add(number)));
        }
        let memory = read("process_resident_memory_bytes").unwrap();
        let held = vec![1_u8; 64 << 20];
        let grown = read("process_resident_memory_bytes").unwrap() - memory;
        assert!((5e7..2e8).contains(&grown), "{} more bytes show as {grown}", held.len());
        assert!(read("process_virtual_memory_bytes").unwrap() >= memory);
        let files = read("process_open_fds").unwrap();
        let open: Vec<_> = (0..20).map(|_| std::fs::File::open("/proc/self/stat").unwrap()).collect();
        // Others run beside this test.
        assert!(read("process_open_fds").unwrap() >= files + 10.0, "{} more", open.len());
        assert!(read("process_max_fds").unwrap() > files);
        #[expect(clippy::disallowed_methods, reason = "the start is told in wall time")]
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        let start = read("process_start_time_seconds").unwrap();
        assert!((now - 3600.0..now + 5.0).contains(&start), "{start}, now {now}");
    }
}
