//! A minimal Pusher server that sends prepared frames as fast as the socket accepts them.

use std::{
    io::Write,
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use serde_json::Value;
use tungstenite::Message;

use crate::frames::{Frames, push_text_frame};

/// Longer than any operation takes, even on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The time for a client to deliver what it has read, which it does right after it has answered a ping.
pub(crate) const SETTLE_TIME: Duration = Duration::from_millis(2);

/// The server, on localhost.
pub struct Firehose {
    port: u16,
    connections: Receiver<Connection>,
}

/// The server's side of a client's connection.
pub struct Connection {
    writer: Writer,
    received: Receiver<Received>,
}

/// Writes to the client. Usable in parallel with the thread that reads.
#[derive(Clone)]
pub struct Writer(Arc<Mutex<TcpStream>>);

/// A message of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Received {
    Subscription,
    Pong,
    /// A client event, and when it was received.
    Event(Instant),
}

impl Firehose {
    /// Starts the server on a port that the system chooses.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, connections) = unbounded();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let sender = sender.clone();
                thread::spawn(move || serve(stream.unwrap(), &sender));
            }
        });
        Self { port, connections }
    }

    /// Returns the port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits for the next client and returns its connection.
    #[must_use]
    pub fn accept(&self) -> Connection {
        self.connections
            .recv_timeout(TIMEOUT)
            .expect("no client connected in time")
    }

    /// Returns the next client's connection, if one has been accepted.
    #[must_use]
    pub fn try_accept(&self) -> Option<Connection> {
        self.connections.try_recv().ok()
    }
}

impl Connection {
    /// Waits until the client has subscribed to this many channels.
    pub fn wait_for_subscriptions(&self, count: usize) {
        for _ in 0..count {
            self.wait_for(
                |received| received == Received::Subscription,
                "a subscription",
            );
        }
    }

    /// Waits for a client event. Returns when it was received.
    #[must_use]
    pub fn wait_for_event(&self) -> Instant {
        match self.wait_for(
            |received| matches!(received, Received::Event(_)),
            "a client event",
        ) {
            Received::Event(at) => at,
            _ => unreachable!("`wait_for` returns what matches"),
        }
    }

    /// Writes prepared frames.
    pub fn write(&self, frames: &Frames) {
        self.writer.write(frames.bytes());
    }

    /// Waits until the client has read everything written so far: sends a ping and waits for the pong.
    pub fn wait_until_read(&self) {
        self.writer
            .write_text(r#"{"event":"pusher:ping","data":{}}"#);
        self.wait_for(|received| received == Received::Pong, "a pong");
        thread::sleep(SETTLE_TIME);
    }

    /// Returns the writer of the connection.
    #[must_use]
    pub fn writer(&self) -> Writer {
        self.writer.clone()
    }

    fn wait_for(&self, wanted: impl Fn(Received) -> bool, what: &str) -> Received {
        loop {
            let Ok(received) = self.received.recv_timeout(TIMEOUT) else {
                panic!("timed out waiting for {what}");
            };
            if wanted(received) {
                return received;
            }
        }
    }
}

impl Writer {
    /// Writes the frames this many times, on a new thread.
    pub fn write_repeatedly(&self, frames: Arc<Frames>, times: u64) {
        let writer = self.clone();
        thread::spawn(move || {
            for _ in 0..times {
                writer.write(frames.bytes());
            }
        });
    }

    /// Writes one text frame.
    pub fn write_text(&self, text: &str) {
        let mut bytes = Vec::with_capacity(text.len() + 10);
        push_text_frame(&mut bytes, text);
        self.write(&bytes);
    }

    fn write(&self, bytes: &[u8]) {
        // Fails once the client has disconnected, which is fine.
        let _ = self.0.lock().unwrap().write_all(bytes);
    }
}

fn serve(stream: TcpStream, connections: &Sender<Connection>) {
    stream.set_nodelay(true).unwrap();
    let writer = Writer(Arc::new(Mutex::new(stream.try_clone().unwrap())));
    let Ok(mut socket) = tungstenite::accept(stream) else {
        return;
    };
    writer.write_text(
        r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.1\",\"activity_timeout\":120}"}"#,
    );
    let (sender, received) = unbounded();
    let connection = Connection {
        writer: writer.clone(),
        received,
    };
    let _ = connections.send(connection);
    while let Ok(message) = socket.read() {
        let at = Instant::now();
        let text = match &message {
            Message::Text(text) => text.as_str(),
            Message::Binary(bytes) => str::from_utf8(bytes).unwrap(),
            _ => continue,
        };
        if let Some(received) = answer(text, at, &writer) {
            let _ = sender.send(received);
        }
    }
}

fn answer(text: &str, at: Instant, writer: &Writer) -> Option<Received> {
    if text.starts_with(r#"{"event":"client-"#) {
        return Some(Received::Event(at));
    }
    let message: Value = serde_json::from_str(text).unwrap();
    match message["event"].as_str()? {
        "pusher:subscribe" => {
            writer.write_text(&format!(
                r#"{{"event":"pusher_internal:subscription_succeeded","channel":{},"data":"{{}}"}}"#,
                message["data"]["channel"]
            ));
            Some(Received::Subscription)
        }
        "pusher:ping" => {
            writer.write_text(r#"{"event":"pusher:pong","data":{}}"#);
            None
        }
        "pusher:pong" => Some(Received::Pong),
        _ => None,
    }
}
