//! Client events: checks an event from a client and relays it to the other subscribers of the channel.

use std::time::Duration;

use serde_json::value::RawValue;

use super::frame::{self, Incoming};
use super::name::{ChannelKind, check_event_name};
use super::{ConnectionId, ServerCore, ServerEvent};

impl ServerCore {
    pub(super) fn relay_client_event(
        &mut self,
        connection: ConnectionId,
        incoming: &Incoming<'_>,
        now: Duration,
    ) {
        let Some(socket_id) = self.socket_id(connection).map(str::to_owned) else {
            return;
        };
        let (channel, data) = match self.check_client_event(connection, incoming, now) {
            Ok(accepted) => accepted,
            Err((code, message)) => {
                self.report(connection, code, message);
                return;
            }
        };
        // The server names the sender. A `user_id` in the client's frame is ignored, so that it cannot be forged.
        let user_id = self
            .channels
            .get(&channel)
            .and_then(|channel| channel.subscribers.get(&connection).cloned())
            .flatten();
        let event = incoming.event.clone();
        let frame = frame::channel_event(&channel, &event, &data, user_id.as_deref());
        self.send_to_channel(&channel, frame, Some(connection));
        self.emit(ServerEvent::ClientEvent {
            socket_id,
            channel,
            event,
            data,
            user_id,
        });
    }

    /// Returns the channel and the data of a client event that may be relayed, or the error for its sender.
    fn check_client_event(
        &mut self,
        connection: ConnectionId,
        incoming: &Incoming<'_>,
        now: Duration,
    ) -> Result<(String, String), (Option<u16>, String)> {
        let refuse = |message: String| Err((None, message));
        let event = &incoming.event;
        if !event.starts_with("client-") {
            return refuse(format!(
                "Invalid event `{event}`: events of clients start with `client-`"
            ));
        }
        if check_event_name(event).is_err() {
            return refuse("Client event rejected - its name is longer than 200 bytes".to_owned());
        }
        if !self.config.client_events {
            return Err((
                Some(4301),
                "Client event rejected - client events are switched off for this app".to_owned(),
            ));
        }
        let Some(channel) = &incoming.channel else {
            return refuse("Client event rejected - it names no channel".to_owned());
        };
        if !ChannelKind::of(channel).is_some_and(ChannelKind::accepts_client_events) {
            return refuse(
                "Client event rejected - only supported on private (non-encrypted) and presence channels".to_owned(),
            );
        }
        let limits = &self.config.limits;
        let Some(sender) = self.connections.get_mut(&connection) else {
            // The caller has checked the connection, so this error is never sent.
            return refuse(String::new());
        };
        if !sender.channels.contains(channel) {
            return refuse(format!(
                "Client event rejected - you are not subscribed to {channel}"
            ));
        }
        let data = relayed_data(incoming.data);
        if data.len() > limits.client_event_bytes {
            return refuse(format!(
                "Client event rejected - its data has {} bytes, {} are allowed",
                data.len(),
                limits.client_event_bytes
            ));
        }
        // Checked last, so that an event that is refused for another reason does not use up the rate limit.
        let limit = limits.client_events_per_second;
        if !sender.client_events.try_acquire(limit, now) {
            return Err((
                Some(4301),
                format!("Client event rejected - more than {limit} in a second"),
            ));
        }
        Ok((channel.clone(), data))
    }
}

/// Returns the data as the hosted service relays it: a string stays a string, other JSON becomes a string with the same bytes, so that
/// numbers keep every digit.
fn relayed_data(data: Option<&RawValue>) -> String {
    let Some(data) = data else {
        return "null".to_owned();
    };
    serde_json::from_str::<String>(data.get()).unwrap_or_else(|_| data.get().to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use crate::core::test_support::TestCore;

    #[test]
    fn a_client_event_is_not_echoed_to_its_sender() {
        let mut server = TestCore::new();
        let (sender, receiver, bystander) =
            (server.connected(), server.connected(), server.connected());
        server.subscribed(sender, "private-a");
        server.subscribed(receiver, "private-a");
        server.subscribed(bystander, "private-b");
        server.text(
            sender,
            r#"{"event":"client-move","channel":"private-a","data":{"z":1,"a":9007199254740993}}"#,
        );
        assert_eq!(
            server.frames(receiver),
            [
                json!({"event": "client-move", "channel": "private-a", "data": r#"{"z":1,"a":9007199254740993}"#})
            ]
        );
        assert!(server.frames(sender).is_empty());
        assert!(server.frames(bystander).is_empty());
    }

    #[test]
    fn text_data_is_relayed_as_it_is_and_missing_data_as_null() {
        let mut server = TestCore::new();
        let (sender, receiver) = (server.connected(), server.connected());
        server.subscribed(sender, "private-a");
        server.subscribed(receiver, "private-a");
        server.text(
            sender,
            r#"{"event":"client-a","channel":"private-a","data":"plain \"text\""}"#,
        );
        server.text(sender, r#"{"event":"client-a","channel":"private-a"}"#);
        let data: Vec<_> = server
            .frames(receiver)
            .iter()
            .map(|frame| frame["data"].clone())
            .collect();
        assert_eq!(data, [r#"plain "text""#, "null"]);
    }

    #[test]
    fn on_presence_channels_the_server_names_the_sender() {
        let mut server = TestCore::new();
        let (sender, receiver) = (server.connected(), server.connected());
        server.join(sender, "presence-a", r#"{"user_id":42}"#);
        server.join(receiver, "presence-a", r#"{"user_id":"b"}"#);
        server.frames(receiver);
        server.text(
            sender,
            r#"{"event":"client-a","channel":"presence-a","data":{},"user_id":"forged"}"#,
        );
        assert_eq!(server.frame(receiver)["user_id"], "42");
    }

    #[test]
    fn forbidden_client_events_are_reported_to_the_sender_only() {
        let mut server = TestCore::new();
        let (sender, receiver) = (server.connected(), server.connected());
        for channel in ["news", "private-a", "private-encrypted-a"] {
            server.subscribed(receiver, channel);
        }
        for channel in ["news", "private-encrypted-a"] {
            server.subscribed(sender, channel);
        }
        let long = format!("client-{}", "x".repeat(200));
        for (event, channel) in [
            ("client-a", "news"),
            ("client-a", "private-encrypted-a"),
            ("client-a", "private-a"),
            ("hello", "private-a"),
            (&long, "private-a"),
        ] {
            let frame = json!({"event": event, "channel": channel, "data": {}});
            server.text(sender, &frame.to_string());
            assert_eq!(server.frame(sender)["event"], "pusher:error", "{frame}");
        }
        assert!(server.frames(receiver).is_empty());
    }

    #[test]
    fn data_beyond_the_limit_is_refused() {
        let mut server = TestCore::new();
        let sender = server.connected();
        server.subscribed(sender, "private-a");
        for (bytes, refused) in [(10_240, false), (10_241, true)] {
            let frame =
                json!({"event": "client-a", "channel": "private-a", "data": "x".repeat(bytes)});
            server.text(sender, &frame.to_string());
            assert_eq!(!server.frames(sender).is_empty(), refused, "{bytes}");
        }
    }

    #[test]
    fn eleventh_client_event_within_a_second_is_refused_with_4301() {
        let mut server = TestCore::new();
        let sender = server.connected();
        server.subscribed(sender, "private-a");
        let frame = r#"{"event":"client-a","channel":"private-a","data":{}}"#;
        for _ in 0..10 {
            server.text(sender, frame);
        }
        assert!(server.frames(sender).is_empty());
        server.text(sender, frame);
        assert_eq!(server.frame(sender)["data"]["code"], 4301);
        server.now += Duration::from_secs(1);
        server.text(sender, frame);
        assert!(server.frames(sender).is_empty());
    }

    #[test]
    fn client_events_can_be_switched_off() {
        let mut server = TestCore::with(|config| config.client_events = false);
        let sender = server.connected();
        server.subscribed(sender, "private-a");
        server.text(
            sender,
            r#"{"event":"client-a","channel":"private-a","data":{}}"#,
        );
        assert_eq!(server.frame(sender)["data"]["code"], 4301);
    }
}
