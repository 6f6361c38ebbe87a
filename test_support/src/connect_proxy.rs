//! An HTTP proxy that makes tunnels.

use std::io::{Read, Write, copy};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::listener::Listener;
use crate::watched::Watched;

/// An HTTP proxy (`CONNECT`) on a free port of 127.0.0.1. Whatever host a client names, the tunnel leads to that port of
/// 127.0.0.1: so names that exist nowhere lead to a test's servers.
pub struct ConnectProxy {
    listener: Listener,
    asked: Arc<Watched<Vec<String>>>,
}

/// What it does with a request.
#[derive(Debug, Clone)]
enum Manner {
    Tunnel,
    Answer(String),
    Silence,
}

impl ConnectProxy {
    /// A proxy that makes every tunnel.
    pub fn start() -> Self {
        Self::with(|_| Manner::Tunnel)
    }

    /// A proxy that makes tunnels for whoever brings this header, and answers everybody else with 407.
    pub fn requiring(header: &'static str) -> Self {
        Self::with(move |request| {
            if request.contains(&format!("\r\n{header}\r\n")) {
                Manner::Tunnel
            } else {
                Manner::Answer("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n".into())
            }
        })
    }

    /// A proxy that gives everybody this answer.
    pub fn answering(answer: &str) -> Self {
        let answer = answer.to_owned();
        Self::with(move |_| Manner::Answer(answer.clone()))
    }

    /// A proxy that takes every request and says nothing.
    pub fn silent() -> Self {
        Self::with(|_| Manner::Silence)
    }

    fn with(manner: impl Fn(&str) -> Manner + Send + Sync + 'static) -> Self {
        let asked = Arc::new(Watched::<Vec<String>>::default());
        let (seen, manner) = (asked.clone(), Arc::new(manner));
        let listener = Listener::start(Ipv4Addr::LOCALHOST.into(), None, move |client| {
            let (seen, manner) = (seen.clone(), manner.clone());
            thread::spawn(move || serve(client, &seen, &*manner));
        });
        Self { listener, asked }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.listener.address().port()
    }

    /// The requests so far, each up to its empty line.
    pub fn requests(&self) -> Vec<String> {
        self.asked.read(Clone::clone)
    }

    /// Waits until there were that many requests.
    #[track_caller]
    pub fn expect_requests(&self, count: usize, within: Duration) -> Vec<String> {
        let enough = |asked: &mut Vec<String>| (asked.len() >= count).then(|| asked.clone());
        self.asked
            .wait(Some(Instant::now() + within), enough)
            .unwrap_or_else(|| panic!("{count} requests did not come within {within:?}"))
    }
}

fn serve(mut client: TcpStream, asked: &Watched<Vec<String>>, manner: &dyn Fn(&str) -> Manner) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        match client.read(&mut byte) {
            Ok(1) => request.extend(byte),
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let manner = manner(&request);
    let port = request
        .strip_prefix("CONNECT ")
        .and_then(|rest| rest.split(' ').next()?.rsplit(':').next()?.parse().ok());
    asked.update(|asked| asked.push(request));
    match (manner, port) {
        (Manner::Tunnel, Some(port)) => tunnel(client, port),
        (Manner::Tunnel, None) => drop(client.write_all(b"HTTP/1.1 405 Only CONNECT\r\n\r\n")),
        (Manner::Answer(answer), _) => drop(client.write_all(answer.as_bytes())),
        (Manner::Silence, _) => drop(client.read(&mut byte)),
    }
}

fn tunnel(mut client: TcpStream, port: u16) {
    let Ok(mut server) = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) else {
        return drop(client.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n"));
    };
    let both = client
        .try_clone()
        .and_then(|to| Ok((to, server.try_clone()?)));
    let Ok((mut to_client, mut from_server)) = both else {
        return;
    };
    if client
        .write_all(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 a-test\r\n\r\n")
        .is_err()
    {
        return;
    }
    let back = thread::spawn(move || {
        let _ = copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Write);
    });
    let _ = copy(&mut client, &mut server);
    let _ = server.shutdown(Shutdown::Write);
    let _ = back.join();
}
