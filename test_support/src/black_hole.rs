//! An address on which TCP connections never succeed and never fail.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::listener::listen;

/// A listener whose backlog is full: a connecting client is neither accepted nor refused. It simulates, on loopback, a router that drops
/// every packet. Works on Linux only; other systems refuse connections when the backlog is full.
#[derive(Debug)]
pub struct BlackHole {
    listener: TcpListener,
    _backlog: Vec<TcpStream>,
}

impl BlackHole {
    /// Listens and fills the backlog.
    pub fn start() -> Self {
        let listener = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), None, 0);
        let address = listener.local_addr().expect("a listener has an address");
        let connect = |_| TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
        let backlog: Vec<_> = (0..16).map_while(connect).collect();
        assert!(
            backlog.len() < 16,
            "the backlog never filled up: this system has no black holes"
        );
        Self {
            listener,
            _backlog: backlog,
        }
    }

    /// Returns the address.
    pub fn address(&self) -> SocketAddr {
        self.listener
            .local_addr()
            .expect("a listener has an address")
    }

    /// Returns the port of [`address`](Self::address).
    pub fn port(&self) -> u16 {
        self.address().port()
    }
}
