//! A server that says what the protocol asks of it, and otherwise sends what it is given, as fast as the socket takes it.

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

/// Longer than anything takes, on a busy machine too.
const SOON: Duration = Duration::from_secs(60);

/// A client hands over what it has read right after it has answered; so long it is given for that.
pub(crate) const SETTLING: Duration = Duration::from_millis(2);

/// A server on loopback.
pub struct Firehose {
    port: u16,
    connections: Receiver<Connection>,
}

/// One client's connection.
pub struct Connection {
    writer: Writer,
    heard: Receiver<Heard>,
}

/// Writes to the client; may be used beside the thread that reads.
#[derive(Clone)]
pub struct Writer(Arc<Mutex<TcpStream>>);

/// What a client said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Subscription,
    Pong,
    /// A client event, and when its bytes were there.
    Event(Instant),
}

impl Firehose {
    /// Starts it on a port of the system's choice.
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

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The next client's connection, once there is one.
    #[must_use]
    pub fn accept(&self) -> Connection {
        self.connections
            .recv_timeout(SOON)
            .expect("no client connected in time")
    }

    /// The same, if there is one.
    #[must_use]
    pub fn try_accept(&self) -> Option<Connection> {
        self.connections.try_recv().ok()
    }
}

impl Connection {
    /// Waits until the client has subscribed to so many channels.
    pub fn wait_for_subscriptions(&self, count: usize) {
        for _ in 0..count {
            self.wait_for(|heard| heard == Heard::Subscription, "a subscription");
        }
    }

    /// Waits for a client event. Returns when its bytes were there.
    #[must_use]
    pub fn wait_for_event(&self) -> Instant {
        match self.wait_for(|heard| matches!(heard, Heard::Event(_)), "a client event") {
            Heard::Event(at) => at,
            _ => unreachable!("it was asked for"),
        }
    }

    /// Writes these frames.
    pub fn write(&self, frames: &Frames) {
        self.writer.write(frames.bytes());
    }

    /// Waits until the client has read, and answered, all that was written so far.
    pub fn settle(&self) {
        self.writer
            .write_text(r#"{"event":"pusher:ping","data":{}}"#);
        self.wait_for(|heard| heard == Heard::Pong, "a pong");
        thread::sleep(SETTLING);
    }

    /// What writes to the client.
    #[must_use]
    pub fn writer(&self) -> Writer {
        self.writer.clone()
    }

    fn wait_for(&self, wanted: impl Fn(Heard) -> bool, what: &str) -> Heard {
        loop {
            let Ok(heard) = self.heard.recv_timeout(SOON) else {
                panic!("waited in vain for {what}");
            };
            if wanted(heard) {
                return heard;
            }
        }
    }
}

impl Writer {
    /// Writes these frames so many times, on a thread of its own.
    pub fn pour(&self, frames: Arc<Frames>, times: u64) {
        let writer = self.clone();
        thread::spawn(move || {
            for _ in 0..times {
                writer.write(frames.bytes());
            }
        });
    }

    /// Writes one text.
    pub fn write_text(&self, text: &str) {
        let mut bytes = Vec::with_capacity(text.len() + 10);
        push_text_frame(&mut bytes, text);
        self.write(&bytes);
    }

    fn write(&self, bytes: &[u8]) {
        // Fails once the client has left, which is its affair.
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
    let (sender, heard) = unbounded();
    let connection = Connection {
        writer: writer.clone(),
        heard,
    };
    let _ = connections.send(connection);
    while let Ok(message) = socket.read() {
        let at = Instant::now();
        let text = match &message {
            Message::Text(text) => text.as_str(),
            Message::Binary(bytes) => str::from_utf8(bytes).unwrap(),
            _ => continue,
        };
        if let Some(heard) = answer(text, at, &writer) {
            let _ = sender.send(heard);
        }
    }
}

fn answer(text: &str, at: Instant, writer: &Writer) -> Option<Heard> {
    if text.starts_with(r#"{"event":"client-"#) {
        return Some(Heard::Event(at));
    }
    let message: Value = serde_json::from_str(text).unwrap();
    match message["event"].as_str()? {
        "pusher:subscribe" => {
            writer.write_text(&format!(
                r#"{{"event":"pusher_internal:subscription_succeeded","channel":{},"data":"{{}}"}}"#,
                message["data"]["channel"]
            ));
            Some(Heard::Subscription)
        }
        "pusher:ping" => {
            writer.write_text(r#"{"event":"pusher:pong","data":{}}"#);
            None
        }
        "pusher:pong" => Some(Heard::Pong),
        _ => None,
    }
}
