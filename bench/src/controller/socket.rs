//! A control: reads the watch off a socket and does nothing with it. What an idle event takes here is the server's and
//! the kernel's part of what it takes with a controller.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, sleep, timeout};

use super::drive::{Sample, Stamp, Work};
use crate::Failure;
use crate::process::{monotonic_nanoseconds, post};

/// What ends the line and the chunk of an event.
const END: &[u8] = b"}\n\r\n";
const VERSION: &[u8] = b"\"resourceVersion\":\"";

pub(super) async fn measure(work: Work) -> Result<Sample, Failure> {
    let mut stream = TcpStream::connect(work.address).await?;
    stream.set_nodelay(true)?;
    let request = "GET /api/v1/pods?watch=true&resourceVersion=1 HTTP/1.1\r\nhost: bench\r\naccept: application/json\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    sleep(Duration::from_millis(500)).await;
    post(work.address, &format!("/start?events={}&rate={}", work.idle_events, work.idle_rate)).await?;
    let stamps = timeout(Duration::from_secs(100), stamps(&mut stream, work.idle_events as usize)).await;
    let idle = stamps.map_err(|_| "idle events: not over in time")??;
    Ok(Sample { idle, ..Sample::default() })
}

/// When each event was there.
async fn stamps(stream: &mut TcpStream, count: usize) -> Result<Vec<Stamp>, Failure> {
    let (mut stamps, mut unread, mut chunk) = (Vec::with_capacity(count), Vec::new(), vec![0; 64 << 10]);
    while stamps.len() < count {
        let length = stream.read(&mut chunk).await?;
        let now = monotonic_nanoseconds();
        if length == 0 {
            return Err("the server ended the watch".into());
        }
        unread.extend_from_slice(&chunk[..length]);
        while let Some(end) = find(&unread, END) {
            let event: Vec<u8> = unread.drain(..end + END.len()).collect();
            stamps.push((version(&event).ok_or("an event without a version")?, now));
        }
    }
    Ok(stamps)
}

fn version(event: &[u8]) -> Option<u32> {
    let after = &event[find(event, VERSION)? + VERSION.len()..];
    let digits = &after[..after.iter().position(|byte| *byte == b'"')?];
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}
