//! Tests of the fault proxy.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use pusher_test_support::{Fault, FaultProxy};

const SOON: Duration = Duration::from_secs(5);
const BRIEFLY: Duration = Duration::from_millis(100);

/// A client, the proxy that it connects through, and its server.
fn connect() -> (TcpStream, FaultProxy, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = FaultProxy::start(listener.local_addr().unwrap());
    let client = TcpStream::connect(proxy.address()).unwrap();
    let (server, _) = listener.accept().unwrap();
    for stream in [&client, &server] {
        stream.set_read_timeout(Some(SOON)).unwrap();
    }
    (client, proxy, server)
}

fn receive(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

fn receives_nothing(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(BRIEFLY)).unwrap();
    let error = stream.read(&mut [0; 16]).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{error}"
    );
    stream.set_read_timeout(Some(SOON)).unwrap();
}

#[test]
fn without_a_fault_bytes_and_ends_pass_both_ways() {
    let (mut client, proxy, mut server) = connect();
    let large: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    client.write_all(b"hello").unwrap();
    assert_eq!(receive(&mut server, 5), b"hello");
    std::thread::scope(|scope| {
        scope.spawn(|| server.write_all(&large).unwrap());
        assert!(receive(&mut client, large.len()) == large);
    });
    drop(client);
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
    assert_eq!(proxy.connections_so_far(), 1);
}

#[test]
fn delayed_bytes_arrive_late_and_in_order() {
    let (mut client, proxy, mut server) = connect();
    let started = Instant::now();
    proxy.set_to_server(Fault::delay(BRIEFLY));
    for number in 0..50 {
        client.write_all(&[number]).unwrap();
    }
    assert_eq!(receive(&mut server, 50), (0..50).collect::<Vec<u8>>());
    // All bytes have the same delay; the delays do not add up.
    assert!((BRIEFLY..BRIEFLY * 10).contains(&started.elapsed()));
    server.write_all(b"at once").unwrap();
    let started = Instant::now();
    assert_eq!(receive(&mut client, 7), b"at once");
    assert!(started.elapsed() < BRIEFLY);
}

#[test]
fn bytes_in_pieces_arrive_piece_by_piece() {
    let (mut client, proxy, mut server) = connect();
    proxy.set_to_server(Fault::none().in_pieces(3, Duration::from_millis(20)));
    client.write_all(b"0123456789").unwrap();
    let mut pieces: Vec<Vec<u8>> = vec![];
    while pieces.concat().len() < 10 {
        let mut buffer = [0; 10];
        let length = server.read(&mut buffer).unwrap();
        pieces.push(buffer[..length].to_vec());
    }
    assert!(pieces.len() >= 3, "{pieces:?}");
    assert_eq!(pieces.concat(), b"0123456789");
}

#[test]
fn held_bytes_arrive_before_the_end_once_released() {
    let (mut client, proxy, mut server) = connect();
    proxy.set(Fault::hold());
    server.write_all(b"last words").unwrap();
    drop(server);
    receives_nothing(&mut client);
    proxy.set(Fault::none());
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    assert_eq!(text, "last words");
}

#[test]
fn a_connection_ends_after_the_set_number_of_bytes() {
    for bytes in [0, 1, 7, 10] {
        let (mut client, proxy, mut server) = connect();
        proxy.set_to_client(Fault::cut_after(bytes));
        server.write_all(b"0123456789").unwrap();
        let mut came = vec![];
        client.read_to_end(&mut came).unwrap();
        assert_eq!(came.len() as u64, bytes);
        let (mut client, proxy, mut server) = connect();
        proxy.set_to_client(Fault::reset_after(bytes).in_pieces(1, BRIEFLY / 50));
        server.write_all(b"0123456789").unwrap();
        let mut came = vec![];
        let error = client.read_to_end(&mut came).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}

#[test]
fn resets_and_cuts_reach_both_sides_while_bytes_are_held() {
    for holds in [false, true] {
        let (mut client, proxy, mut server) = connect();
        if holds {
            proxy.set(Fault::hold());
            client.write_all(b"held").unwrap();
        }
        proxy.reset();
        for stream in [&mut client, &mut server] {
            let error = stream.read(&mut [0; 16]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "held: {holds}");
        }
        let (mut client, proxy, mut server) = connect();
        proxy.set(if holds { Fault::hold() } else { Fault::none() });
        proxy.cut();
        for stream in [&mut client, &mut server] {
            assert_eq!(stream.read(&mut [0; 16]).unwrap(), 0);
        }
    }
}

#[test]
fn client_does_not_notice_a_lost_server_while_bytes_are_held() {
    let (mut client, proxy, mut server) = connect();
    proxy.set_to_client(Fault::hold());
    proxy.lose_server();
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
    receives_nothing(&mut client);
    client.write_all(b"are you there?").unwrap();
    receives_nothing(&mut client);
}

#[test]
fn without_a_server_the_proxy_resets_and_stopped_it_refuses() {
    let (_client, proxy, server) = connect();
    proxy.stop_listening();
    let error = TcpStream::connect(proxy.address()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    drop(server);
    proxy.listen_again();
    let mut client = TcpStream::connect(proxy.address()).unwrap();
    client.set_read_timeout(Some(SOON)).unwrap();
    let error = client.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(proxy.connections_so_far(), 2);
}
