//! The connections between the server and its clients, in memory: a transport for games, a list of messages for peers.

use std::sync::Arc;

use pusher_dev_server::core::ConnectionId;

use super::{TestServer, peer::Frames};
use crate::{
    sync::lock,
    transport::{DialRequest, Transport, TransportConnection, TransportError, TransportEvents},
};

/// The server's end of the connection to one client.
#[derive(Clone)]
pub(super) enum ClientEnd {
    Game(Arc<TransportEvents>),
    Peer(Frames),
}

/// What the server sends to a client.
pub(super) enum ToClient {
    Text(Arc<str>),
    Close { code: u16, reason: String },
    Lost,
}

impl ClientEnd {
    pub(super) fn send(&self, message: ToClient) {
        match (self, message) {
            (Self::Game(events), ToClient::Text(text)) => events.receive(&*text),
            (Self::Game(events), ToClient::Close { code, reason }) => {
                events.closed(Some(code), reason);
            }
            (Self::Game(events), ToClient::Lost) => events.lost("the test dropped the connection"),
            (Self::Peer(frames), ToClient::Text(text)) => {
                lock(frames).push(text);
            }
            (Self::Peer(_), ToClient::Close { .. } | ToClient::Lost) => {}
        }
    }
}

/// The transport of a game.
pub(super) struct InMemoryTransport(pub(super) TestServer);

/// A connection of a game. Dropping it disconnects the game.
struct InMemoryConnection {
    server: TestServer,
    id: ConnectionId,
}

impl Transport for InMemoryTransport {
    fn dial(
        &self,
        request: DialRequest,
        events: TransportEvents,
    ) -> Result<Box<dyn TransportConnection>, TransportError> {
        let id = self.0.connect(&request, events)?;
        Ok(Box::new(InMemoryConnection {
            server: self.0.clone(),
            id,
        }))
    }
}

impl TransportConnection for InMemoryConnection {
    fn send(&mut self, text: String) {
        self.server.receive(self.id, &text);
    }

    fn close(self: Box<Self>, _code: u16, _reason: &str) {}
}

impl Drop for InMemoryConnection {
    fn drop(&mut self) {
        self.server.disconnected(self.id);
    }
}
