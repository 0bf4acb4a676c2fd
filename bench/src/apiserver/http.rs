//! Clients over a socket, as thin as they can be: what is measured is the server.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use kube::config::{KubeConfigOptions, Kubeconfig};
use pilothouse_apiserver::{ApiServer, ServeOptions, ServerHandle, TlsIdentity, kubeconfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::Failure;

/// From nothing to the first answer over TLS: a certificate authority and a certificate are made, the server is made
/// and listens, kube's client is made, connects and gets its answer.
pub(super) async fn first_answer_over_tls() -> Result<(Duration, ServerHandle), Failure> {
    let began = Instant::now();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let tls = TlsIdentity::generate()?;
    let authority = tls.certificate_authority().to_owned();
    let server = ApiServer::builder().build();
    let handle = server.serve(listener, ServeOptions { token: Some("token".into()), tls: Some(tls) })?;
    let text = kubeconfig(&format!("https://{}", handle.local_addr()), Some("token"), Some(&authority));
    let file = Kubeconfig::from_yaml(&text)?;
    let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    kube::Client::try_from(config)?.apiserver_version().await?;
    Ok((began.elapsed(), handle))
}

/// A kept connection that sends one request after the other.
pub(super) struct Connection {
    stream: TcpStream,
    chunk: Vec<u8>,
    unread: Vec<u8>,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, chunk: vec![0; 16 << 10], unread: Vec::new() })
    }

    pub(super) async fn create(&mut self, path: &str, body: &[u8]) -> Result<(), Failure> {
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.stream.write_all(&request).await?;
        self.answer().await
    }

    /// Reads an answer with a length; one that is no 201 is a failure.
    async fn answer(&mut self) -> Result<(), Failure> {
        loop {
            if let Some(end) = self.unread.windows(4).position(|part| part == b"\r\n\r\n") {
                let head = std::str::from_utf8(&self.unread[..end])?;
                let length = head
                    .lines()
                    .find_map(|line| {
                        line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
                    })
                    .unwrap_or(0_usize);
                if !head.starts_with("HTTP/1.1 201") {
                    return Err(format!("answered {}", head.lines().next().unwrap_or_default()).into());
                }
                let whole = end + 4 + length;
                if self.unread.len() >= whole {
                    self.unread.drain(..whole);
                    return Ok(());
                }
            }
            let length = self.stream.read(&mut self.chunk).await?;
            if length == 0 {
                return Err("the server closed the connection".into());
            }
            self.unread.extend_from_slice(&self.chunk[..length]);
        }
    }
}
