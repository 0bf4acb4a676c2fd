//! A Prometheus that scrapes one address.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tempfile::TempDir;

/// Ended when dropped.
pub(crate) struct Prometheus {
    process: Child,
    address: SocketAddr,
    client: Client<HttpConnector, Full<bytes::Bytes>>,
    _folder: TempDir,
}

impl Prometheus {
    /// Where the program is. Where there is none, the test is over, unless the environment says that it must not be.
    pub(crate) fn binary() -> Option<PathBuf> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the test's own environment: what must be there, and where"
        )]
        let (path, is_required) =
            (std::env::var_os("PATH").unwrap_or_default(), std::env::var_os("PILOTHOUSE_REQUIRE_PROMETHEUS"));
        let found =
            std::env::split_paths(&path).map(|folder| folder.join("prometheus")).find(|file| file.is_file());
        if found.is_none() {
            let why = "no prometheus in the path: queries are not put to one (apt-get install prometheus)";
            assert!(is_required.is_none(), "{why}");
            println!("skipped: {why}");
        }
        found
    }

    /// Starts one that scrapes `target` twice a second, with the labels that a `ServiceMonitor` adds.
    pub(crate) fn start(binary: &PathBuf, target: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let labels = "{namespace: website-system, pod: website-operator-0}";
        let configuration = format!(
            "global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}\nscrape_configs:\n\
             - job_name: website-operator\n  static_configs: [{{targets: ['{target}'], labels: {labels}}}]\n"
        );
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, configuration).unwrap();
        // It cannot say which port it got: take one that was free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let process = Command::new(binary)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { process, address, client, _folder: folder }
    }

    /// How many series a query returns now; nothing while it does not answer. A query that it does not understand
    /// fails the test.
    pub(crate) async fn ask(&self, query: &str) -> Option<usize> {
        let body = format!("query={}", encoded(query));
        let request = http::Request::post(format!("http://{}/api/v1/query", self.address))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::from(body))
            .unwrap();
        let response = self.client.request(request).await.ok()?;
        let is_starting = response.status() == 503;
        let body = response.into_body().collect().await.ok()?.to_bytes();
        if is_starting {
            return None;
        }
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        Some(answer["data"]["result"].as_array().unwrap().len())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}
