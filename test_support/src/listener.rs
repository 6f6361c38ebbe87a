//! A listening socket on loopback that can stop and come back on the same port.

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use socket2::{Domain, Socket, Type};

/// Hands each accepted connection to a closure until it is stopped or dropped.
pub(crate) struct Listener {
    address: SocketAddr,
    receive_buffer: Option<usize>,
    on_accept: Arc<dyn Fn(TcpStream) + Send + Sync>,
    running: Mutex<Option<Running>>,
}

struct Running {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Listener {
    pub(crate) fn start(
        host: IpAddr,
        receive_buffer: Option<usize>,
        on_accept: impl Fn(TcpStream) + Send + Sync + 'static,
    ) -> Self {
        let socket = listen(SocketAddr::new(host, 0), receive_buffer, 128);
        let address = socket.local_addr().expect("a listener has an address");
        let listener = Self {
            address,
            receive_buffer,
            on_accept: Arc::new(on_accept),
            running: Mutex::new(None),
        };
        listener.run(socket);
        listener
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From here on, connections to the port are refused.
    pub(crate) fn stop(&self) {
        let running = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(running) = running {
            running.stop.store(true, Ordering::SeqCst);
            // `accept` has no time-out: one connection from here wakes it.
            let _ = TcpStream::connect(self.address);
            running.thread.join().expect("the accepting thread is well");
        }
    }

    /// Listens again on the same port.
    pub(crate) fn resume(&self) {
        self.stop();
        self.run(listen(self.address, self.receive_buffer, 128));
    }

    fn run(&self, listener: TcpListener) {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, on_accept) = (stop.clone(), self.on_accept.clone());
        let thread = thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                on_accept(stream);
            }
        });
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Running { stop, thread });
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Listens with a backlog of that many connections that were not accepted yet.
pub(crate) fn listen(
    address: SocketAddr,
    receive_buffer: Option<usize>,
    backlog: i32,
) -> TcpListener {
    assert!(address.ip().is_loopback(), "tests stay on loopback");
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)
        .expect("a socket can be made");
    // Without it a port that was just in use cannot be had again. On Windows it means something else.
    #[cfg(unix)]
    socket
        .set_reuse_address(true)
        .expect("SO_REUSEADDR can be set");
    if let Some(bytes) = receive_buffer {
        // Accepted sockets inherit it; set later it would not bound the window any more.
        socket
            .set_recv_buffer_size(bytes)
            .expect("SO_RCVBUF can be set");
    }
    socket
        .bind(&address.into())
        .unwrap_or_else(|error| panic!("cannot bind {address}: {error}"));
    socket.listen(backlog).expect("the socket can listen");
    socket.into()
}
