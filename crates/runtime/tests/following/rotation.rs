//! Tokens and certificate authorities that are rotated while a client is in use, over TLS.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use parking_lot::Mutex;
use pilothouse::{Client, ClientError, ClientOptions, Environment, Metrics, k8s_openapi, kube};
use pilothouse_apiserver::{ApiServer, ServeOptions, ServerHandle, TlsIdentity};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::world::key;

/// An address behind which servers are exchanged.
struct Door {
    environment: Environment,
    address: SocketAddr,
    behind: Arc<Mutex<Option<SocketAddr>>>,
    connections: Arc<Mutex<Vec<AbortOnDropHandle<()>>>>,
    server: Option<ServerHandle>,
    _accepting: AbortOnDropHandle<()>,
}

impl Door {
    async fn new() -> Self {
        let environment = Environment::seeded(1);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let behind = Arc::new(Mutex::new(None));
        let connections = Arc::new(Mutex::new(Vec::new()));
        let accepting = {
            let (environment, behind, connections) =
                (environment.clone(), Arc::clone(&behind), Arc::clone(&connections));
            async move {
                while let Ok((mut client, _)) = listener.accept().await {
                    let Some(target) = *behind.lock() else { continue };
                    let joined = async move {
                        let mut server = TcpStream::connect(target).await.unwrap();
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                    };
                    connections.lock().push(AbortOnDropHandle::new(environment.spawn("connection", joined)));
                }
            }
        };
        let accepting = AbortOnDropHandle::new(environment.spawn("door", accepting));
        Self { environment, address, behind, connections, server: None, _accepting: accepting }
    }

    /// Puts a new server behind the door, which lets in who shows `token`; open connections end.
    async fn put(&mut self, identity: &TlsIdentity, token: &str) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let options = ServeOptions { token: Some(token.into()), tls: Some(identity.clone()) };
        let server = ApiServer::builder().environment(self.environment.clone()).build();
        let handle = server.serve(listener, options).unwrap();
        *self.behind.lock() = Some(handle.local_addr());
        self.connections.lock().clear();
        self.server = Some(handle);
    }
}

/// The files that kubelet would write.
struct Mounted {
    folder: TempDir,
}

impl Mounted {
    fn new(identity: &TlsIdentity, token: &str) -> Self {
        let mounted = Self { folder: TempDir::new().unwrap() };
        mounted.write_authority(identity.certificate_authority());
        mounted.write_token(token);
        mounted
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::join(self.folder.path(), name)
    }

    fn write_token(&self, token: &str) {
        std::fs::write(self.path("token"), token).unwrap();
    }

    fn write_authority(&self, text: &str) {
        std::fs::write(self.path("ca.crt"), text).unwrap();
    }

    fn client(&self, door: &Door) -> Client {
        let mut config = kube::Config::new(format!("https://{}", door.address).parse().unwrap());
        config.auth_info.token_file = Some(self.path("token").to_str().unwrap().to_owned());
        let certificate_authority_file = Some(self.path("ca.crt"));
        let options = ClientOptions { attempts: 1, certificate_authority_file, ..ClientOptions::unlimited() };
        Client::from_config(config, options, &door.environment, &Metrics::new()).unwrap()
    }
}

/// Asks for an object that is not there: how the server, or the way to it, answers.
async fn answer(client: &Client) -> &'static str {
    client.get::<ConfigMap>(&key("none")).await.map_or_else(|error: ClientError| error.reason(), |_| "Found")
}

/// Lets time pass for timers, while sockets do what they do.
async fn half_a_minute_passes() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(30)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn n5_a_rotated_token_is_used_within_a_minute() {
    let (identity, mut door) = (TlsIdentity::generate().unwrap(), Door::new().await);
    door.put(&identity, "old").await;
    let mounted = Mounted::new(&identity, "old");
    let client = mounted.client(&door);
    assert_eq!(answer(&client).await, "NotFound");
    door.put(&identity, "new").await;
    assert_eq!(answer(&client).await, "Unauthorized");
    mounted.write_token("new");
    half_a_minute_passes().await;
    assert_eq!(answer(&client).await, "NotFound");
}

#[tokio::test]
async fn n5_a_rotated_certificate_authority_is_trusted_within_a_minute_and_the_former_one_no_more() {
    let (before, after) = (TlsIdentity::generate().unwrap(), TlsIdentity::generate().unwrap());
    let mut door = Door::new().await;
    door.put(&before, "token").await;
    let mounted = Mounted::new(&before, "token");
    let client = mounted.client(&door);
    assert_eq!(answer(&client).await, "NotFound");
    door.put(&after, "token").await;
    assert_eq!(answer(&client).await, "ConnectionFailed");
    mounted.write_authority(after.certificate_authority());
    half_a_minute_passes().await;
    assert_eq!(answer(&client).await, "NotFound");
    assert_eq!(answer(&client.clone()).await, "NotFound", "clones share the connection");
    door.put(&before, "token").await;
    assert_eq!(answer(&client).await, "ConnectionFailed");
}

#[tokio::test]
async fn n5_both_authorities_are_trusted_while_one_replaces_the_other() {
    let (before, after) = (TlsIdentity::generate().unwrap(), TlsIdentity::generate().unwrap());
    let mut door = Door::new().await;
    let mounted = Mounted::new(&before, "token");
    mounted.write_authority(&[before.certificate_authority(), after.certificate_authority()].concat());
    let client = mounted.client(&door);
    for identity in [&before, &after, &before] {
        door.put(identity, "token").await;
        assert_eq!(answer(&client).await, "NotFound");
    }
}

#[tokio::test]
async fn n5_files_that_are_half_written_or_gone_change_nothing() {
    let (identity, mut door) = (TlsIdentity::generate().unwrap(), Door::new().await);
    door.put(&identity, "token").await;
    let mounted = Mounted::new(&identity, "token");
    let client = mounted.client(&door);
    let half = identity.certificate_authority().split_at(100).0;
    for content in ["", "no certificate", half] {
        mounted.write_authority(content);
        half_a_minute_passes().await;
        assert_eq!(answer(&client).await, "NotFound", "{content:?}");
    }
    std::fs::remove_file(mounted.path("token")).unwrap();
    half_a_minute_passes().await;
    assert_eq!(answer(&client).await, "NotFound", "a token may be removed after it was read");
    mounted.write_authority(identity.certificate_authority());
    mounted.write_token("wrong");
    half_a_minute_passes().await;
    assert_eq!(answer(&client).await, "Unauthorized", "what is valid is used again");
}
