//! What the kernel says of this process, from `/proc/self` (Linux only).

use std::fs;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::Failure;
use crate::sample::{Cost, Target};

/// The unit of times in `/proc`: 100 on every architecture that Rust's tier 1 covers.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running measurement of time.
#[derive(Debug)]
pub(crate) struct Meter {
    cpu_seconds: f64,
    started: Instant,
}

impl Meter {
    pub(crate) fn start() -> Result<Self, Failure> {
        Ok(Self { cpu_seconds: cpu_seconds()?, started: Instant::now() })
    }

    pub(crate) fn read(&self) -> Result<Cost, Failure> {
        let wall_seconds = self.started.elapsed().as_secs_f64();
        Ok(Cost { cpu_seconds: cpu_seconds()? - self.cpu_seconds, wall_seconds })
    }
}

fn cpu_seconds() -> Result<f64, Failure> {
    let text = fs::read_to_string("/proc/self/stat")?;
    // The command's name may hold spaces; the state, field 3, is the first after its closing parenthesis.
    let (_, fields) = text.rsplit_once(')').ok_or("no command name in /proc/self/stat")?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut ticks =
        || -> Result<f64, Failure> { Ok(fields.next().ok_or("no times in /proc/self/stat")?.parse()?) };
    Ok((ticks()? + ticks()?) / TICKS_PER_SECOND)
}

/// The largest resident memory so far, in MiB.
pub(crate) fn peak_mib() -> Result<f64, Failure> {
    status("VmHWM:")
}

/// Resident memory after half a second of rest, in MiB.
pub(crate) async fn resident_mib() -> Result<f64, Failure> {
    tokio::time::sleep(Duration::from_millis(500)).await;
    status("VmRSS:")
}

fn status(name: &str) -> Result<f64, Failure> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line =
        text.lines().find_map(|line| line.strip_prefix(name)).ok_or("no memory in /proc/self/status")?;
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes / 1024.0)
}

/// Lets the server send its events to the watch that is open, or to the next that opens.
pub(crate) async fn start_events(target: Target) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(target.address).await?;
    stream.write_all(b"POST /start HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    if answer.starts_with(b"HTTP/1.1 200") { Ok(()) } else { Err("the server refused to start".into()) }
}

/// Where the clients connect to.
pub(crate) fn config(target: Target) -> Result<kube::Config, Failure> {
    Ok(kube::Config::new(format!("http://{}", target.address).parse()?))
}
