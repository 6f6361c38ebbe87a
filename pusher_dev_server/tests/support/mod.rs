//! A test client: a plain WebSocket and plain HTTP, with a deadline on every wait.

#![allow(
    dead_code,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "each test file uses a part of this module, and a test helper may panic like a test"
)]

use std::net::TcpStream;
use std::time::{Duration, Instant};

use pusher_dev_server::DevServer;
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

pub const DEADLINE: Duration = Duration::from_secs(10);

pub struct Client {
    socket: WebSocket<TcpStream>,
    pub socket_id: String,
}

#[derive(Debug)]
pub enum Received {
    Frame(Value),
    Close(Option<u16>),
    Cut,
}

impl Client {
    /// Opens a socket without reading its first frame.
    pub fn open(server: &DevServer, path_and_query: &str) -> Self {
        let stream = TcpStream::connect(server.address()).expect("the server listens");
        stream
            .set_read_timeout(Some(DEADLINE))
            .expect("the timeout is set");
        let url = format!("ws://{}{path_and_query}", server.address());
        let (socket, _) = tungstenite::client(url, stream).expect("the upgrade succeeds");
        Self {
            socket,
            socket_id: String::new(),
        }
    }

    pub fn connect(server: &DevServer) -> Self {
        let path = format!(
            "/app/{}?protocol=7&client=test&version=1.0.0",
            server.app_key()
        );
        let mut client = Self::open(server, &path);
        let frame = client.frame();
        assert_eq!(frame["event"], "pusher:connection_established");
        let data: Value =
            serde_json::from_str(frame["data"].as_str().expect("a string")).expect("valid JSON");
        client.socket_id = data["socket_id"].as_str().expect("a string").to_owned();
        client
    }

    pub fn send(&mut self, frame: &Value) {
        self.socket
            .send(Message::text(frame.to_string()))
            .expect("the socket is open");
    }

    pub fn subscribe(&mut self, channel: &str) {
        self.send(&json!({"event": "pusher:subscribe", "data": {"channel": channel}}));
        assert_eq!(
            self.frame()["event"],
            "pusher_internal:subscription_succeeded"
        );
    }

    /// Subscribes with an authorization from the auth endpoint. Returns the server's answer.
    pub fn subscribe_authorized(
        &mut self,
        server: &DevServer,
        channel: &str,
        params: &[(&str, &str)],
    ) -> Value {
        let (status, body) = self.authorize(server, channel, params);
        assert_eq!(status, 200, "{body}");
        let mut data: Value = serde_json::from_str(&body).expect("valid JSON");
        data["channel"] = channel.into();
        self.send(&json!({"event": "pusher:subscribe", "data": data}));
        self.frame()
    }

    pub fn authorize(
        &self,
        server: &DevServer,
        channel: &str,
        params: &[(&str, &str)],
    ) -> (u16, String) {
        let own = [
            ("socket_id", self.socket_id.as_str()),
            ("channel_name", channel),
        ];
        let form: Vec<_> = own.iter().chain(params).copied().collect();
        post_form(&server.auth_endpoint(), &form, &[])
    }

    pub fn frame(&mut self) -> Value {
        match self.receive() {
            Received::Frame(frame) => frame,
            other => panic!("expected a frame, got {other:?}"),
        }
    }

    pub fn receive(&mut self) -> Received {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    return Received::Frame(serde_json::from_str(&text).expect("a frame is JSON"));
                }
                Ok(Message::Close(frame)) => {
                    return Received::Close(frame.map(|frame| frame.code.into()));
                }
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if is_timeout(&error) => {
                    panic!("received nothing within {DEADLINE:?}")
                }
                Err(_) => return Received::Cut,
            }
        }
    }

    pub fn socket(&mut self) -> &mut WebSocket<TcpStream> {
        &mut self.socket
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), TimedOut | WouldBlock)
}

/// Posts a form. Returns the status and the body.
pub fn post_form(url: &str, form: &[(&str, &str)], headers: &[(&str, &str)]) -> (u16, String) {
    let mut request = agent().post(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send_form(form.iter().copied()).expect("a response");
    read(response)
}

pub fn post_json(url: &str, body: &str) -> (u16, String) {
    let request = agent().post(url).header("Content-Type", "application/json");
    read(request.send(body).expect("a response"))
}

pub fn get(url: &str) -> (u16, String) {
    read(agent().get(url).call().expect("a response"))
}

pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(DEADLINE))
        .build()
        .into()
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> (u16, String) {
    let status = response.status().as_u16();
    let body = response
        .body_mut()
        .read_to_string()
        .expect("a response body");
    (status, body)
}

/// Waits for a condition. Panics at the deadline with what it waited for.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(
            Instant::now() < deadline,
            "waited {DEADLINE:?} until {what}"
        );
        std::thread::yield_now();
    }
}
