//! The way from the server to a client, within the process.

use std::sync::{Arc, PoisonError};

use pusher_dev_server::core::ConnectionId;

use super::{TestServer, peer::Frames};
use crate::transport::{
    DialRequest, Transport, TransportConnection, TransportError, TransportEvents,
};

/// Where a client hears.
#[derive(Clone)]
pub(super) enum Line {
    Game(Arc<TransportEvents>),
    Peer(Frames),
}

/// What is on its way to a client.
pub(super) enum Delivery {
    Text(Arc<str>),
    Close { code: u16, reason: String },
    Drop,
}

impl Line {
    pub(super) fn deliver(&self, delivery: Delivery) {
        match (self, delivery) {
            (Self::Game(events), Delivery::Text(text)) => events.receive(&*text),
            (Self::Game(events), Delivery::Close { code, reason }) => {
                events.closed(Some(code), reason);
            }
            (Self::Game(events), Delivery::Drop) => events.lost("the test dropped the connection"),
            (Self::Peer(frames), Delivery::Text(text)) => {
                let mut frames = frames.lock().unwrap_or_else(PoisonError::into_inner);
                frames.push(text);
            }
            (Self::Peer(_), Delivery::Close { .. } | Delivery::Drop) => {}
        }
    }
}

/// Connects games to the server.
pub(super) struct InMemory(pub(super) TestServer);

/// A game's end of a connection.
struct GameConnection {
    server: TestServer,
    id: ConnectionId,
}

impl Transport for InMemory {
    fn dial(
        &self,
        request: DialRequest,
        events: TransportEvents,
    ) -> Result<Box<dyn TransportConnection>, TransportError> {
        let id = self.0.connect(&request, events)?;
        Ok(Box::new(GameConnection {
            server: self.0.clone(),
            id,
        }))
    }
}

impl TransportConnection for GameConnection {
    fn send(&mut self, text: String) {
        self.server.receive(self.id, &text);
    }

    fn close(self: Box<Self>, _code: u16, _reason: &str) {}
}

impl Drop for GameConnection {
    fn drop(&mut self) {
        self.server.disconnected(self.id);
    }
}
