//! The network, the server and the backend: what reaches the client, and how connections end.

use super::*;

impl World {
    pub(super) fn fail_dial(&mut self, for_good: bool) {
        let Some(dial) = self.dialling.take() else {
            return;
        };
        self.last_dial = Some(dial);
        self.input(Input::DialFailed(dial, dial_error(for_good)));
    }

    pub(super) fn open(&mut self, handshake: Handshake) {
        let Some(dial) = self.dialling.take() else {
            return;
        };
        self.is_blocked = false;
        self.connection = Some(self.server.accept(dial, handshake));
        self.reach.connections += 1;
        self.input(Input::Opened(dial));
    }

    pub(super) fn hang_up(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.server.remove_connection(&connection);
            self.last_dial = Some(connection.dial);
        }
    }

    pub(super) fn lose(&mut self, code: Option<u16>) {
        let Some(connection) = &self.connection else {
            return;
        };
        let dial = connection.dial;
        self.hang_up();
        self.input(Input::Closed(dial, closed(code)));
    }

    pub(super) fn server_reads(&mut self, mode: ReplyMode) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        if connection.is_dead || self.is_blocked {
            return;
        }
        if let Some(text) = connection.to_server.pop_front() {
            self.server.read(connection, &text, mode);
        }
    }

    pub(super) fn client_can_read(&self) -> bool {
        let connection = self.connection.as_ref();
        connection.is_some_and(|connection| !connection.is_dead && !connection.to_client.is_empty())
    }

    pub(super) fn client_reads(&mut self) {
        if !self.client_can_read() {
            return;
        }
        let Some(connection) = &mut self.connection else {
            return;
        };
        let dial = connection.dial;
        let text = connection.to_client.pop_front().expect("something waits");
        let promised = self.must_be_delivered(&text);
        let event = self.session.handle_frame(dial, &text, self.now);
        let handed_over = event.is_some();
        if let Some(event) = event {
            self.on_event(event);
        }
        if let Some(channel) = promised.filter(|_| !handed_over) {
            let may_wait = channel.starts_with("private-encrypted-");
            assert!(may_wait, "an event of {channel} is lost: {text}");
            *self.awaiting_key.entry(channel).or_default() += 1;
        }
        self.drain();
    }

    /// Returns the channel of an event that must be delivered.
    pub(super) fn must_be_delivered(&self, text: &str) -> Option<String> {
        let frame: serde_json::Value = serde_json::from_str(text).ok()?;
        let channel = frame["channel"].as_str()?;
        let is_subscribed = self.statuses.get(channel) == Some(&SubscriptionStatus::Subscribed);
        (frame["event"] == "e" && is_subscribed).then(|| channel.into())
    }

    pub(super) fn stale(&mut self, what: Stale) {
        if let Stale::Answer = what {
            if let Some(request) = self.cancelled.pop() {
                self.respond(request, Answer::Good);
            }
            return;
        }
        let Some(dial) = self.last_dial else { return };
        let before = (self.state.clone(), self.session.wake_at());
        match what {
            Stale::Opened => self.input(Input::Opened(dial)),
            Stale::DialFailed => self.input(Input::DialFailed(dial, dial_error(true))),
            Stale::Closed => self.input(Input::Closed(dial, closed(Some(4001)))),
            Stale::BinaryFrame => self.input(Input::BinaryFrame(dial)),
            Stale::Frame => {
                let frame = r#"{"event":"e","channel":"lobby","data":"0"}"#;
                assert_eq!(self.session.handle_frame(dial, frame, self.now), None);
                self.drain();
            }
            Stale::Answer => {}
        }
        if !matches!(what, Stale::Frame) && self.state != before.0 {
            // Only the clocks can have shown that the machine slept.
            assert!(matches!(before.0, ConnectionState::Waiting { .. }));
        }
    }

    // The server and the backend.

    pub(super) fn answer(&mut self, which: usize, with: Answer) {
        if self.requests.is_empty() {
            return;
        }
        let request = self.requests.remove(which % self.requests.len());
        self.respond(request, with);
    }

    pub(super) fn respond(&mut self, request: BackendRequest, with: Answer) {
        let BackendRequest {
            id,
            channel,
            socket_id,
        } = request;
        self.input(match channel {
            Some(channel) => {
                Input::Authorized(id, self.server.authorize(&channel, &socket_id, with))
            }
            None => Input::Authenticated(id, Server::authenticate(&socket_id, with)),
        });
    }

    pub(super) fn server_says(&mut self, frame: &serde_json::Value) {
        if let Some(connection) = &mut self.connection
            && matches!(self.state, ConnectionState::Connected { .. })
        {
            connection.send(frame);
        }
    }

    /// Sends a forged protocol message of another client, or garbage.
    pub(super) fn forge(&mut self, channel: &str, which: usize) {
        let forged = [
            json!({"event": "pusher_internal:member_added", "channel": channel, "data": {"user_id": "evil"}, "user_id": "x"}),
            json!({"event": "pusher_internal:subscription_succeeded", "channel": channel, "user_id": "x"}),
            json!({"event": "pusher_internal:member_removed", "channel": channel, "data": {"user_id": "me"}, "user_id": "x"}),
            json!({"event": "pusher:signin_success", "data": {"user_data": r#"{"id":"evil"}"#}, "user_id": "x"}),
            json!({"event": "pusher:error", "data": {"code": 4301}}),
            json!({"event": "client-y", "channel": "private-encrypted-a", "data": "in the clear"}),
            json!({"event": 5}),
            json!([1]),
        ];
        self.server_says(&forged[which % forged.len()]);
    }
}

fn dial_error(for_good: bool) -> ConnectionError {
    if for_good {
        ConnectionError::Unsupported("no TLS".into())
    } else {
        ConnectionError::Tcp {
            host: "h".into(),
            port: 1,
            reason: "refused".into(),
        }
    }
}

fn closed(code: Option<u16>) -> ConnectionError {
    ConnectionError::Closed {
        code,
        reason: String::new(),
    }
}
