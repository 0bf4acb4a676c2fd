//! Who holds a connection, and for how long.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::{Instant, sleep, timeout};

use super::super::tests::{endpoints, environment};
use super::*;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const LIVEZ: &[u8] = b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n";

fn service() -> Service {
    Service { endpoints: endpoints(), pages: Pages::All, certificate: None }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_its_answer_is_let_go() {
    let (mut client, server) = duplex(64);
    client.write_all(LIVEZ).await.unwrap();
    let begun = Instant::now();
    timeout(10 * STALL_TIMEOUT, service().converse(server, PEER)).await.expect("it is let go");
    assert!((STALL_TIMEOUT..2 * STALL_TIMEOUT).contains(&begun.elapsed()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_gets_all_of_its_answer() {
    let (mut client, server) = duplex(32);
    let reading = async {
        client.write_all(LIVEZ).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"ok\n") {
            sleep(STALL_TIMEOUT * 2 / 3).await;
            assert!(client.read_buf(&mut answer).await.unwrap() > 0, "{}", String::from_utf8_lossy(&answer));
        }
        drop(client);
        answer
    };
    let begun = Instant::now();
    let (answer, ()) = tokio::join!(reading, service().converse(server, PEER));
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
    assert!(begun.elapsed() > STALL_TIMEOUT, "it was slow");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_for_nothing_more_is_let_go() {
    let (mut client, server) = duplex(4096);
    client.write_all(LIVEZ).await.unwrap();
    let begun = Instant::now();
    timeout(10 * STALL_TIMEOUT, service().converse(server, PEER)).await.expect("it is let go");
    assert!(begun.elapsed() <= STALL_TIMEOUT, "{:?}", begun.elapsed());
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("\r\n\r\nok\n"), "{answer}");
}

#[tokio::test]
async fn a_probe_is_answered_while_idle_clients_hold_every_place() {
    let address = (Ipv4Addr::LOCALHOST, 0).into();
    let server = Server::start(endpoints(), Pages::All, address, None, &environment()).await.unwrap();
    let mut idle = Vec::new();
    for _ in 0..CONNECTIONS {
        idle.push(TcpStream::connect(server.address).await.unwrap());
    }
    let mut probe = TcpStream::connect(server.address).await.unwrap();
    probe.write_all(LIVEZ).await.unwrap();
    let mut answer = [0; 15];
    probe.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    assert_eq!(idle[0].read(&mut answer).await.unwrap_or(0), 0, "the oldest had to go");
    idle[1].write_all(LIVEZ).await.unwrap();
    idle[1].read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK", "and no other");
}

#[tokio::test]
async fn every_address_of_the_machine_is_those_of_ipv4_too() {
    let every = (Ipv6Addr::UNSPECIFIED, 0).into();
    let server = Server::start(endpoints(), Pages::Probes, every, None, &environment()).await.unwrap();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.address.port())).await.unwrap();
    stream.write_all(LIVEZ).await.unwrap();
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
}

#[test]
fn without_ipv6_every_address_is_every_one_of_ipv4() {
    let every = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 8080));
    let error = |errno: Errno| io::Error::from_raw_os_error(errno.raw_os_error());
    for missing in [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL] {
        let left = without_ipv6(every, &error(missing)).map(|address| address.to_string());
        assert_eq!(left.as_deref(), Some("0.0.0.0:8080"));
        assert_eq!(without_ipv6((Ipv6Addr::LOCALHOST, 8080).into(), &error(missing)), None);
    }
    assert_eq!(without_ipv6(every, &error(Errno::ADDRINUSE)), None);
}
