//! A server, and one new process per measurement.

use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::candidate::Candidate;
use crate::measure::{self, Work};
use crate::pods::Size;
use crate::process::post;
use crate::sample::Sample;
use crate::{Failure, go, memory};

/// A running server and what measures against it.
#[derive(Debug)]
pub(crate) struct Bench {
    _server: Child,
    pub(crate) address: SocketAddr,
    pub(crate) json_bytes: usize,
    pub(crate) protobuf_bytes: usize,
    go: Option<PathBuf>,
    threads: usize,
    touches: bool,
}

impl Bench {
    /// Starts a server of this many pods; measured processes have this many worker threads.
    pub(crate) async fn start(objects: u32, size: Size, threads: usize) -> Result<Self, Failure> {
        Self::start_with(objects, size, threads, go::build()?).await
    }

    /// Starts a server that speaks JSON alone.
    pub(crate) async fn start_json(objects: u32, size: Size, threads: usize) -> Result<Self, Failure> {
        Self::start_with(objects, size, threads, None).await
    }

    async fn start_with(
        objects: u32,
        size: Size,
        threads: usize,
        go: Option<PathBuf>,
    ) -> Result<Self, Failure> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("serve").args(["--objects", &objects.to_string(), "--size", size.argument()]);
        if let Some(program) = &go {
            command.arg("--go").arg(program);
        }
        let mut server = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let output = server.stdout.take().ok_or("the server has no output")?;
        let line = BufReader::new(output).lines().next_line().await?.ok_or("the server did not start")?;
        let mut words = line.split(' ');
        let mut word = || words.next().ok_or("the server did not introduce itself");
        let (address, json_bytes, protobuf_bytes) = (word()?.parse()?, word()?.parse()?, word()?.parse()?);
        Ok(Self { _server: server, address, json_bytes, protobuf_bytes, go, threads, touches: true })
    }

    /// Leaves out the touching of memory before each measurement; to see what it does.
    pub(crate) fn without_touching(self) -> Self {
        Self { touches: false, ..self }
    }

    /// Whether the candidate can be measured; if not, a message says why.
    pub(crate) fn has(&self, candidate: Candidate) -> bool {
        if candidate.needs_go() && self.go.is_none() {
            eprintln!("without Go: no row \"{}\"", candidate.title());
            return false;
        }
        let built = measure::is_built(candidate);
        if !built {
            eprintln!("not in this version of Pilothouse: no row \"{}\"", candidate.title());
        }
        built
    }

    /// Everything as at the start, for the next measurement.
    pub(crate) async fn prepare(&self, objects: u32) -> Result<(), Failure> {
        if self.touches {
            memory::touch(objects);
        }
        post(self.address, "/reset").await.map(drop)
    }

    /// One measurement in a new process.
    pub(crate) async fn measure(&self, candidate: Candidate, work: Work) -> Result<Sample, Failure> {
        self.prepare(work.objects).await?;
        let mut command = match &self.go {
            Some(program) if candidate.is_go() => {
                let mut command = Command::new(program);
                command.arg("measure").args(work.arguments("-")).args(candidate.go_flags());
                command.env("GOMAXPROCS", self.threads.to_string());
                command
            }
            _ => {
                let mut command = Command::new(env::current_exe()?);
                command.args(["measure", "--candidate", &candidate.argument()]);
                command.args(["--threads", &self.threads.to_string()]).args(work.arguments("--"));
                command
            }
        };
        if work.sleeper.is_some() {
            // What grows here is to be what is held. Which of several arenas of the C library's allocator memory comes
            // from, and so what each of them keeps for later, changes from run to run. Go has an allocator of its own.
            command.env("MALLOC_ARENA_MAX", "1");
        }
        let output =
            command.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true).output().await?;
        if !output.status.success() {
            return Err(format!("{} failed", candidate.title()).into());
        }
        if candidate.is_protobuf() {
            post(self.address, "/protobuf").await.map_err(|_| "protobuf was asked for, but not spoken")?;
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}
