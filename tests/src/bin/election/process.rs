//! Starting processes, and what can be done to them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::Failure;
use crate::arguments::TrialOptions;
use crate::trace::Line;

/// How long anything may take before the trial gives up on it.
const PATIENCE: Duration = Duration::from_mins(1);

/// Lets this process end when the one that started it does, also by SIGKILL.
pub(crate) fn end_with_parent() {
    // Where that cannot be had, a trial that is killed leaves processes behind; nothing else changes.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
}

/// This program, with what ends it when the trial is dropped.
fn command() -> Result<Command, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.kill_on_drop(true).stdin(Stdio::null());
    Ok(command)
}

/// Starts `pilothouse apiserver`, which writes its kubeconfig there.
pub(crate) async fn start_server(kubeconfig: &Path) -> Result<Child, Failure> {
    let mut command = command()?;
    command.args(["pilothouse", "apiserver", "--port", "0", "--history", "10000000", "--kubeconfig-out"]);
    let mut server = command.arg(kubeconfig).stdout(Stdio::piped()).spawn()?;
    let output = server.stdout.take().ok_or("no output of the server")?;
    let mut lines = BufReader::new(output).lines();
    let ready = async {
        while let Some(line) = lines.next_line().await? {
            if line == "Ctrl-C stops." {
                return Ok(());
            }
        }
        Err(Failure::from("the server ended before it was ready"))
    };
    timeout(PATIENCE, ready).await??;
    Ok(server)
}

/// One manager. Killed when dropped, also while it is stopped.
pub(crate) struct Process {
    pub(crate) identity: String,
    pub(crate) trace: PathBuf,
    child: Child,
}

impl Process {
    /// Starts a manager whose trace and log are in `folder`.
    pub(crate) fn start(identity: String, folder: &Path, options: &TrialOptions) -> Result<Self, Failure> {
        let trace = folder.join(format!("{identity}.trace"));
        let log = folder.join(format!("{identity}.log"));
        let mut command = command()?;
        command.args(["manager", "--identity", &identity, "--kubeconfig"]).arg(folder.join("kubeconfig"));
        let times = options.times;
        for (name, value) in [("--lease", times.lease), ("--renew", times.renew), ("--retry", times.retry)] {
            command.args([name, &value.to_string()]);
        }
        if options.without_fence {
            command.arg("--without-fence");
        }
        let child = command.stdout(File::create(&trace)?).stderr(File::create(log)?).spawn()?;
        Ok(Self { identity, trace, child })
    }

    /// Waits until its caches are filled and it has seen who leads.
    pub(crate) async fn ready(&self) -> Result<(), Failure> {
        let ready = async {
            while !lines(&self.trace)?.contains(&Line::Ready) {
                sleep(Duration::from_millis(10)).await;
            }
            Ok::<_, Failure>(())
        };
        timeout(PATIENCE, ready).await.map_err(|_| format!("{} is not ready", self.identity))?
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Failure> {
        let id = self.child.id().ok_or_else(|| format!("{} has ended", self.identity))?;
        let id = Pid::from_raw(i32::try_from(id)?).ok_or("no process id")?;
        Ok(kill_process(id, signal)?)
    }

    /// How it ended; `None` while it runs.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>, Failure> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for its end.
    pub(crate) async fn wait(&mut self) -> Result<ExitStatus, Failure> {
        let ended = timeout(PATIENCE, self.child.wait()).await;
        Ok(ended.map_err(|_| format!("{} does not end", self.identity))??)
    }
}

/// What a manager has noted so far.
pub(crate) fn lines(trace: &Path) -> Result<Vec<Line>, Failure> {
    let text = std::fs::read_to_string(trace)?;
    Ok(text.split_inclusive('\n').filter_map(|line| Line::parse(line.strip_suffix('\n')?)).collect())
}
