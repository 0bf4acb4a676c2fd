//! What the kernel says of this process (Linux only).

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Failure;
use crate::sample::Cost;

/// A running measurement of time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    cpu_seconds: f64,
    started: Instant,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self { cpu_seconds: clock(ClockId::ProcessCPUTime), started: Instant::now() }
    }

    pub(crate) fn read(&self) -> Cost {
        let wall_seconds = self.started.elapsed().as_secs_f64();
        Cost { cpu_seconds: clock(ClockId::ProcessCPUTime) - self.cpu_seconds, wall_seconds }
    }
}

fn clock(id: ClockId) -> f64 {
    let time = clock_gettime(id);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
        .as_secs_f64()
}

/// What this thread ran, in seconds.
pub(crate) fn thread_cpu_seconds() -> f64 {
    clock(ClockId::ThreadCPUTime)
}

/// How long this thread has stood in the queue for a core, in seconds.
pub(crate) fn thread_queued_seconds() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds: u64 =
        text.split_ascii_whitespace().nth(1).and_then(|field| field.parse().ok()).unwrap_or(0);
    Duration::from_nanos(nanoseconds).as_secs_f64()
}

/// The largest resident memory since the start or the last [`reset_peak`], in MiB.
pub(crate) fn peak_mib() -> Result<f64, Failure> {
    status("VmHWM:")
}

/// Resident memory, in MiB.
pub(crate) fn resident_mib() -> Result<f64, Failure> {
    status("VmRSS:")
}

/// Resident memory after half a second of rest, in MiB.
pub(crate) async fn settled_mib() -> Result<f64, Failure> {
    tokio::time::sleep(Duration::from_millis(500)).await;
    resident_mib()
}

/// Makes the largest resident memory start again from what is resident now.
pub(crate) fn reset_peak() -> Result<(), Failure> {
    Ok(fs::write("/proc/self/clear_refs", "5")?)
}

fn status(name: &str) -> Result<f64, Failure> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line =
        text.lines().find_map(|line| line.strip_prefix(name)).ok_or("no memory in /proc/self/status")?;
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes / 1024.0)
}

/// Nanoseconds of the machine's monotonic clock, which all its processes share.
pub(crate) fn monotonic_nanoseconds() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// Gives the server an order; returns what it answers.
pub(crate) async fn post(address: SocketAddr, path: &str) -> Result<Vec<u8>, Failure> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("POST {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let head = answer.windows(4).position(|part| part == b"\r\n\r\n").unwrap_or(answer.len());
    if answer.starts_with(b"HTTP/1.1 200") {
        Ok(answer.split_off((head + 4).min(answer.len())))
    } else {
        Err(format!("the server refused {path}").into())
    }
}
