//! An address at which no TCP connection is ever made.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::listener::listen;

/// A listener whose backlog is full: whoever connects waits, is not refused, and gets no answer at all. It stands
/// for a router that drops every packet, without leaving loopback. Only Linux keeps a full backlog silent.
#[derive(Debug)]
pub struct BlackHole {
    address: SocketAddr,
    _listener: TcpListener,
    _backlog: Vec<TcpStream>,
}

impl BlackHole {
    /// Listens and fills the backlog.
    pub fn start() -> Self {
        let listener = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), None, 0);
        let address = listener.local_addr().expect("a listener has an address");
        let mut backlog = Vec::new();
        while backlog.len() < 16 {
            match TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
                Ok(stream) => backlog.push(stream),
                Err(_) => {
                    return Self {
                        address,
                        _listener: listener,
                        _backlog: backlog,
                    };
                }
            }
        }
        panic!("the backlog never filled up: this system cannot play a black hole");
    }

    /// Where nothing answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port of [`address`](Self::address).
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}
