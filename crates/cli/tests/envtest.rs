//! The stand-ins for `KUBEBUILDER_ASSETS`, started as envtest starts them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![cfg(unix)]

#[expect(dead_code, reason = "each test file uses its own part")]
mod support;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use pilothouse_apiserver::{TlsIdentity, User};
use support::{PATIENCE, kubectl_path};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

async fn assets() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assets");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pilothouse"));
    let made = command.arg("envtest").arg("--folder").arg(&path).output().await.unwrap();
    let said = String::from_utf8(made.stdout).unwrap();
    assert!(
        said.starts_with("export KUBEBUILDER_ASSETS=/") && said.trim_end().ends_with("/assets"),
        "{said}"
    );
    (folder, path)
}

/// A port that was free a moment ago: the programs are told theirs.
async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

fn start(program: &Path, flags: &[String]) -> Child {
    Command::new(program).args(flags).kill_on_drop(true).stdout(Stdio::null()).spawn().unwrap()
}

/// Ends it as envtest does; it must end by itself, without an error.
async fn stop(mut child: Child) {
    let id = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
    assert!(timeout(PATIENCE, child.wait()).await.unwrap().unwrap().success());
}

async fn connect(port: u16) -> TcpStream {
    let connect = async {
        loop {
            match TcpStream::connect(("127.0.0.1", port)).await {
                Ok(stream) => return stream,
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    };
    timeout(PATIENCE, connect).await.expect("the program should listen")
}

#[tokio::test]
async fn etcd_says_that_it_is_healthy_and_ends_when_told() {
    let (_folder, assets) = assets().await;
    let help = Command::new(assets.join("etcd")).arg("--help").output().await.unwrap();
    assert!(
        help.status.success()
            && String::from_utf8(help.stdout).unwrap().contains("\n      --unsafe-no-fsync\n")
    );
    let port = free_port().await;
    let url = format!("http://127.0.0.1:{port}");
    let flags = [format!("--listen-client-urls={url}"), format!("--advertise-client-urls={url}")];
    let etcd = start(&assets.join("etcd"), &flags);
    let mut stream = connect(port).await;
    stream.write_all(b"GET /health HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains(" 200 OK") && answer.contains("\"health\":\"true\""), "{answer}");
    drop(stream);
    stop(etcd).await;
}

#[tokio::test]
async fn the_api_server_knows_users_by_their_certificates_and_restricts_them() {
    let (folder, assets) = assets().await;
    let help = Command::new(assets.join("kube-apiserver")).arg("--help").output().await.unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("--secure-port") && !help.contains("--insecure-port"), "{help}");
    let Some(kubectl) = kubectl_path() else {
        println!("skipped: there is no kubectl on the PATH");
        return;
    };
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let identity = TlsIdentity::generate().unwrap();
    let server = identity.issue(&User::new("server")).unwrap();
    file("apiserver.crt", server.certificate());
    file("apiserver.key", server.key());
    let authority = file("client-ca.crt", identity.certificate_authority());
    let port = free_port().await;
    let flags = [
        format!("--cert-dir={}", folder.path().display()),
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".into(),
        "--authorization-mode=RBAC".into(),
        format!("--client-ca-file={authority}"),
        "--etcd-servers=http://127.0.0.1:1".into(),
        "--disable-admission-plugins=ServiceAccount".into(),
    ];
    let api_server = start(&assets.join("kube-apiserver"), &flags);
    drop(connect(port).await);
    for (user, allowed) in [(User::new("root").with_group("system:masters"), true), (User::new("ann"), false)]
    {
        let certificate = identity.issue(&user).unwrap();
        let (shown, key) = (file("user.crt", certificate.certificate()), file("user.key", certificate.key()));
        let output = Command::new(&kubectl)
            .args(["--insecure-skip-tls-verify", "--client-certificate", &shown, "--client-key", &key])
            .args(["--kubeconfig", "/dev/null", "--server", &format!("https://127.0.0.1:{port}")])
            .arg("--cache-dir")
            .arg(folder.path().join("cache"))
            .args(["get", "secrets", "-A"])
            .output()
            .await
            .unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.success(), allowed, "{said}");
        assert!(allowed || said.contains("User \"ann\" cannot list resource \"secrets\""), "{said}");
    }
    stop(api_server).await;
}
