//! kubectl, and a server for it over TLS on loopback.

#![allow(dead_code, clippy::unwrap_used, reason = "a part of each test, and each test uses a part of it")]

use std::path::PathBuf;
use std::process::Stdio;

use pilothouse_apiserver::{ApiServer, Credentials, ServeOptions, ServerHandle, TlsIdentity, kubeconfig};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

const TOKEN: &str = "a-token-for-tests";

/// The user of commands that name none.
const ADMIN: &str = "admin";

/// A served server, and kubectl set up for it.
pub(crate) struct Kubectl {
    directory: tempfile::TempDir,
    pub(crate) handle: ServerHandle,
    pub(crate) tls: TlsIdentity,
}

/// What a command printed.
pub(crate) struct Output {
    pub(crate) success: bool,
    pub(crate) text: String,
}

impl Kubectl {
    /// `None` when there is no kubectl to run.
    pub(crate) async fn start() -> Option<Self> {
        Self::serving(ApiServer::builder().build()).await
    }

    /// The same for a server made by the test.
    pub(crate) async fn serving(server: ApiServer) -> Option<Self> {
        if !is_there().await {
            println!("skipped: there is no kubectl on the PATH");
            return None;
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tls = TlsIdentity::generate().unwrap();
        let options = ServeOptions { token: Some(TOKEN.into()), tls: Some(tls.clone()) };
        let handle = server.serve(listener, options).unwrap();
        let kubectl = Self { directory: tempfile::tempdir().unwrap(), handle, tls };
        kubectl.write_config(ADMIN, Some(TOKEN).into());
        Some(kubectl)
    }

    /// Lets commands run as `user`.
    pub(crate) fn write_config(&self, user: &str, credentials: Credentials<'_>) {
        let url = format!("https://{}", self.handle.local_addr());
        let text = kubeconfig(&url, credentials, Some(self.tls.certificate_authority()));
        std::fs::write(self.path(user), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a command whose arguments hold no spaces.
    pub(crate) async fn run(&self, arguments: &str, input: &str) -> Output {
        self.run_words(&arguments.split_whitespace().collect::<Vec<_>>(), input, &[]).await
    }

    /// Runs a command with further environment variables.
    pub(crate) async fn run_words(&self, words: &[&str], input: &str, variables: &[(&str, &str)]) -> Output {
        self.run_as(ADMIN, words, input, variables).await
    }

    /// Runs a command with the configuration written for `user`.
    async fn run_as(&self, user: &str, words: &[&str], input: &str, variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new("kubectl");
        command
            .arg("--kubeconfig")
            .arg(self.path(user))
            .arg("--cache-dir")
            .arg(self.path("cache"))
            .args(words)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.unwrap();
        drop(stdin);
        let output = child.wait_with_output().await.unwrap();
        let text = [output.stdout, output.stderr].concat();
        Output { success: output.status.success(), text: String::from_utf8(text).unwrap() }
    }

    /// Runs a command that must succeed; what it printed, with runs of spaces as one.
    pub(crate) async fn ok(&self, arguments: &str) -> String {
        self.with_input(arguments, "").await
    }

    pub(crate) async fn with_input(&self, arguments: &str, input: &str) -> String {
        let output = self.run(arguments, input).await;
        assert!(output.success, "kubectl {arguments}: {}", output.text);
        squeezed(&output.text)
    }

    /// Runs a command that must succeed, word by word.
    pub(crate) async fn words(&self, words: &[&str]) -> String {
        let output = self.run_words(words, "", &[]).await;
        assert!(output.success, "kubectl {words:?}: {}", output.text);
        squeezed(&output.text)
    }

    /// Runs a command of `user` that must succeed; what it printed, with runs of spaces as one.
    pub(crate) async fn ok_as(&self, user: &str, arguments: &str) -> String {
        let words: Vec<_> = arguments.split_whitespace().collect();
        let output = self.run_as(user, &words, "", &[]).await;
        assert!(output.success, "kubectl {arguments} of {user}: {}", output.text);
        squeezed(&output.text)
    }

    /// Runs a command of `user` that must fail; what it printed, with runs of spaces as one.
    pub(crate) async fn refused_as(&self, user: &str, arguments: &str) -> String {
        let words: Vec<_> = arguments.split_whitespace().collect();
        let output = self.run_as(user, &words, "", &[]).await;
        assert!(!output.success, "kubectl {arguments} of {user} succeeded: {}", output.text);
        squeezed(&output.text)
    }

    /// Runs a command that must fail; what it printed.
    pub(crate) async fn refused(&self, arguments: &str, input: &str) -> String {
        let output = self.run(arguments, input).await;
        assert!(!output.success, "kubectl {arguments} succeeded: {}", output.text);
        output.text
    }
}

/// Whether there is a kubectl. Where `PILOTHOUSE_REQUIRE_KUBECTL` is set, its absence is a failure.
#[expect(clippy::disallowed_methods, reason = "a switch for people who run the tests")]
async fn is_there() -> bool {
    let version = Command::new("kubectl").args(["version", "--client"]).output().await;
    let absent = matches!(&version, Err(error) if error.kind() == std::io::ErrorKind::NotFound);
    assert!(
        !absent || std::env::var_os("PILOTHOUSE_REQUIRE_KUBECTL").is_none(),
        "kubectl is required here but is not on the path"
    );
    !absent
}

/// A text with runs of spaces as one.
pub(crate) fn squeezed(text: &str) -> String {
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("\n")
}
