//! The baseline: one thread that reads with tungstenite, parses the envelope and decodes the payload.

use std::{borrow::Cow, net::TcpStream};

use serde::Deserialize;
use tungstenite::{Message, WebSocket, stream::MaybeTlsStream};

use crate::frames::{CHANNEL, EVENT, LobbyMessage};

/// The fields that every event of the server has.
#[derive(Deserialize)]
pub struct Envelope<'a> {
    /// The event's name.
    #[serde(borrow)]
    pub event: Cow<'a, str>,
    /// The payload.
    #[serde(borrow)]
    pub data: Cow<'a, str>,
}

/// A subscribed client.
pub struct OneThread(WebSocket<MaybeTlsStream<TcpStream>>);

impl OneThread {
    /// Connects and subscribes.
    #[must_use]
    pub fn connect(port: u16) -> Self {
        let url = format!("ws://127.0.0.1:{port}/app/k?protocol=7&client=bench&version=1");
        let (mut socket, _) = tungstenite::connect(url).unwrap();
        let subscribe =
            format!(r#"{{"event":"pusher:subscribe","data":{{"channel":"{CHANNEL}"}}}}"#);
        socket.send(Message::text(subscribe)).unwrap();
        Self(socket)
    }

    /// Reads and decodes this many events.
    pub fn read(&mut self, events: u64) {
        let mut read = 0;
        while read < events {
            let Message::Text(text) = self.0.read().unwrap() else {
                continue;
            };
            let envelope: Envelope<'_> = serde_json::from_str(&text).unwrap();
            if envelope.event == EVENT {
                let message: LobbyMessage = serde_json::from_str(&envelope.data).unwrap();
                std::hint::black_box(message);
                read += 1;
            }
        }
    }
}
