//! An HTTP proxy that supports `CONNECT`.

use std::io::{Read, Write, copy};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::ops::Deref;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::http::read_head;
use crate::listener::Listener;
use crate::watched::Watched;

/// An HTTP proxy (`CONNECT`) on a free port of 127.0.0.1. Ignores the host that a client requests and connects to the requested port on
/// 127.0.0.1, so tests can use host names that do not exist.
pub struct ConnectProxy {
    listener: Listener,
    requests: Arc<Watched<Vec<String>>>,
}

/// The proxy's response to a request.
enum Action {
    Tunnel,
    Answer(String),
    Silence,
}

impl ConnectProxy {
    /// Starts a proxy that opens every tunnel.
    pub fn start() -> Self {
        Self::with(|_| Action::Tunnel)
    }

    /// Starts a proxy that opens tunnels for requests with this header, and responds with 407 to all others.
    pub fn requiring(header: &'static str) -> Self {
        Self::with(move |request| {
            if request.contains(&format!("\r\n{header}\r\n")) {
                Action::Tunnel
            } else {
                Action::Answer("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n".into())
            }
        })
    }

    /// Starts a proxy that sends this response to every request.
    pub fn answering(answer: &str) -> Self {
        let answer = answer.to_owned();
        Self::with(move |_| Action::Answer(answer.clone()))
    }

    /// Starts a proxy that reads every request and never responds.
    pub fn silent() -> Self {
        Self::with(|_| Action::Silence)
    }

    fn with(action: impl Fn(&str) -> Action + Send + Sync + 'static) -> Self {
        let requests = Arc::new(Watched::<Vec<String>>::default());
        let (recorded, action) = (requests.clone(), Arc::new(action));
        let serve = move |client| {
            let (recorded, action) = (recorded.clone(), action.clone());
            // A client that disconnects in the middle of a request is not an error.
            thread::spawn(move || serve(client, &recorded, &*action));
        };
        Self {
            listener: Listener::start(Ipv4Addr::LOCALHOST.into(), None, Some(Arc::new(serve))),
            requests,
        }
    }

    /// Returns the requests received so far, each up to its empty line.
    pub fn requests(&self) -> Vec<String> {
        self.requests.read(Clone::clone)
    }

    /// Waits until this many requests have been received.
    #[track_caller]
    pub fn expect_requests(&self, count: usize, within: Duration) -> Vec<String> {
        let enough = |all: &mut Vec<String>| (all.len() >= count).then(|| all.clone());
        self.requests
            .wait(Some(Instant::now() + within), enough)
            .unwrap_or_else(|| panic!("did not receive {count} requests within {within:?}"))
    }
}

impl Deref for ConnectProxy {
    type Target = Listener;

    fn deref(&self) -> &Listener {
        &self.listener
    }
}

fn serve(
    mut client: TcpStream,
    recorded: &Watched<Vec<String>>,
    action: &dyn Fn(&str) -> Action,
) -> std::io::Result<()> {
    let request = String::from_utf8_lossy(&read_head(&mut client)?).into_owned();
    let action = action(&request);
    let port = request
        .strip_prefix("CONNECT ")
        .and_then(|rest| rest.split(' ').next()?.rsplit(':').next()?.parse().ok());
    recorded.update(|requests| requests.push(request));
    match (action, port) {
        (Action::Tunnel, Some(port)) => tunnel(client, port),
        (Action::Tunnel, None) => client.write_all(b"HTTP/1.1 405 Only CONNECT\r\n\r\n"),
        (Action::Answer(answer), _) => client.write_all(answer.as_bytes()),
        (Action::Silence, _) => client.read(&mut [0]).map(drop),
    }
}

fn tunnel(mut client: TcpStream, port: u16) -> std::io::Result<()> {
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n");
    };
    let (mut to_client, mut from_server) = (client.try_clone()?, server.try_clone()?);
    client.write_all(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 a-test\r\n\r\n")?;
    let back = thread::spawn(move || {
        let _ = copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Write);
    });
    let _ = copy(&mut client, &mut server);
    let _ = server.shutdown(Shutdown::Write);
    let _ = back.join();
    Ok(())
}
