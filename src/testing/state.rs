//! The state of a [`TestServer`](super::TestServer): the protocol core, the clients, and what the test has set or may inspect.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pusher_dev_server::{
    ServerEvent,
    core::{ConnectionId, Output, ServerCore},
};

use super::{
    TestEvent,
    client_end::{ClientEnd, ToClient},
};

/// How many of the last events are shown when a test fails.
const SHOWN_EVENTS: usize = 12;

#[derive(Default)]
pub(super) struct State {
    pub(super) core: ServerCore,
    pub(super) clients: BTreeMap<ConnectionId, ClientEnd>,
    pub(super) refused: BTreeMap<String, u16>,
    pub(super) refuses_sign_in: Option<u16>,
    pub(super) is_offline: bool,
    /// Socket ids of peers, whose client events `sent` leaves out.
    pub(super) peers: BTreeSet<String>,
    pub(super) sent: Vec<TestEvent>,
    pub(super) events: VecDeque<ServerEvent>,
    pub(super) outbox: VecDeque<(ClientEnd, ToClient)>,
    pub(super) is_delivering: bool,
}

impl State {
    /// Takes the outputs of the server's core.
    pub(super) fn take_outputs(&mut self) {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send { connection, text } => {
                    if let Some(client) = self.clients.get(&connection).cloned() {
                        self.outbox.push_back((client, ToClient::Text(text)));
                    }
                }
                Output::Close {
                    connection,
                    code,
                    reason,
                } => {
                    if let Some(client) = self.clients.remove(&connection) {
                        let close = ToClient::Close { code, reason };
                        self.outbox.push_back((client, close));
                    }
                }
                Output::Event(event) => self.record(event),
                _ => {}
            }
        }
    }

    fn record(&mut self, event: ServerEvent) {
        if let ServerEvent::ClientEvent {
            socket_id,
            channel,
            event,
            data,
            user_id,
        } = &event
            && !self.peers.contains(socket_id)
        {
            self.sent.push(TestEvent::new(
                channel.clone(),
                event.clone(),
                data,
                user_id.clone(),
            ));
        }
        self.events.push_back(event);
        if self.events.len() > SHOWN_EVENTS {
            self.events.pop_front();
        }
    }

    pub(super) fn games(&self) -> Vec<(ConnectionId, ClientEnd)> {
        let is_game =
            |(_, client): &(&ConnectionId, &ClientEnd)| matches!(client, ClientEnd::Game(_));
        let games = self.clients.iter().filter(is_game);
        games.map(|(id, client)| (*id, client.clone())).collect()
    }

    pub(super) fn socket_id(&self, connection: ConnectionId) -> String {
        let connections = self.core.connections().into_iter();
        let mut all = connections.zip(self.core.socket_ids());
        let found = all.find_map(|(id, socket_id)| (id == connection).then_some(socket_id));
        found.unwrap_or_default()
    }
}
