//! Handles subscribe and unsubscribe requests: checks the authorization, updates the channel and notifies its members.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::channel::Member;
use super::frame::{self, Subscribe, Unsubscribe};
use super::name::{ChannelKind, is_cache_channel};
use super::{ConnectionId, ServerCore, ServerEvent};

/// Why a subscription is refused: the content of `pusher:subscription_error`.
struct Refusal {
    kind: &'static str,
    error: String,
    status: u16,
}

impl Refusal {
    fn unauthorized(error: impl Into<String>) -> Self {
        Self {
            kind: "AuthError",
            error: error.into(),
            status: 401,
        }
    }

    /// Uses the status that soketi sends.
    fn limit_reached(error: String) -> Self {
        Self {
            kind: "LimitReached",
            error,
            status: 4004,
        }
    }
}

#[derive(Deserialize)]
struct ChannelData {
    user_id: Box<RawValue>,
    user_info: Option<Box<RawValue>>,
}

impl ServerCore {
    pub(super) fn subscribe(
        &mut self,
        connection: ConnectionId,
        data: Option<&RawValue>,
        now: Duration,
    ) {
        let Some(request) =
            data.and_then(|data| serde_json::from_str::<Subscribe>(data.get()).ok())
        else {
            let message =
                "Invalid message: `pusher:subscribe` needs an object with a `channel` as its data";
            self.report(connection, None, message.to_owned());
            return;
        };
        let Some(kind) = ChannelKind::of(&request.channel) else {
            let message = format!("Invalid channel name: {}", request.channel);
            self.report(connection, None, message);
            return;
        };
        let is_subscribed = self
            .connections
            .get(&connection)
            .is_some_and(|known| known.channels.contains(&request.channel));
        if is_subscribed {
            let message = format!("Existing subscription to channel {}", request.channel);
            self.report(connection, None, message);
            return;
        }
        match self.check_access(connection, kind, &request) {
            Ok(member) => self.join(connection, kind, &request.channel, member, now),
            Err(refusal) => self.refuse_subscription(connection, &request.channel, refusal),
        }
    }

    pub(super) fn unsubscribe(&mut self, connection: ConnectionId, data: Option<&RawValue>) {
        let Some(request) =
            data.and_then(|data| serde_json::from_str::<Unsubscribe>(data.get()).ok())
        else {
            let message = "Invalid message: `pusher:unsubscribe` needs an object with a `channel` as its data";
            self.report(connection, None, message.to_owned());
            return;
        };
        let Some(known) = self.connections.get_mut(&connection) else {
            return;
        };
        let socket_id = known.socket_id.clone();
        if !known.channels.remove(&request.channel) {
            let message = format!("No current subscription to channel {}", request.channel);
            self.report(connection, None, message);
            return;
        }
        self.leave(connection, &request.channel);
        self.emit(ServerEvent::Unsubscribed {
            socket_id,
            channel: request.channel,
        });
    }

    /// Removes a connection from a channel and notifies the remaining subscribers.
    pub(super) fn leave(&mut self, connection: ConnectionId, name: &str) {
        let Some(channel) = self.channels.get_mut(name) else {
            return;
        };
        let left = channel.leave(connection);
        if channel.subscribers.is_empty() {
            // A channel without subscribers does not exist: `channels` must not list it.
            self.channels.remove(name);
            return;
        }
        if let Some(member) = left {
            self.send_to_channel(name, frame::member_removed(name, &member), None);
        }
        self.send_subscription_count(name);
    }

    /// Checks whether a client may subscribe. Returns the member on a presence channel.
    fn check_access(
        &self,
        connection: ConnectionId,
        kind: ChannelKind<'_>,
        request: &Subscribe,
    ) -> Result<Option<Member>, Refusal> {
        match kind {
            ChannelKind::Public => Ok(None),
            ChannelKind::Private | ChannelKind::Encrypted => {
                self.check_auth(connection, request)?;
                Ok(None)
            }
            ChannelKind::Presence => {
                self.check_auth(connection, request)?;
                self.check_member(connection, request).map(Some)
            }
            ChannelKind::User(user_id) => {
                let is_own = self
                    .connections
                    .get(&connection)
                    .and_then(|known| known.user.as_ref())
                    .is_some_and(|user| user.id == user_id);
                if is_own {
                    Ok(None)
                } else {
                    Err(Refusal::unauthorized(format!(
                        "Only connections that are signed in as {user_id} may subscribe to {}",
                        request.channel
                    )))
                }
            }
        }
    }

    fn check_auth(&self, connection: ConnectionId, request: &Subscribe) -> Result<(), Refusal> {
        let socket_id = self.socket_id(connection).unwrap_or_default();
        let channel_data = request.channel_data.as_deref();
        let auth = request.auth.as_deref().unwrap_or_default();
        if self
            .config
            .app
            .accepts_channel(auth, socket_id, &request.channel, channel_data)
        {
            return Ok(());
        }
        let channel = &request.channel;
        let key = &self.config.app.key;
        let signed = match channel_data {
            Some(data) => format!("{socket_id}:{channel}:{data}"),
            None => format!("{socket_id}:{channel}"),
        };
        Err(Refusal::unauthorized(format!(
            "Invalid signature: expected `{key}:` and the hex HMAC SHA256 of `{signed}`, but got `{auth}`"
        )))
    }

    fn check_member(
        &self,
        connection: ConnectionId,
        request: &Subscribe,
    ) -> Result<Member, Refusal> {
        let limits = &self.config.limits;
        let member = match &request.channel_data {
            Some(text) => {
                let data: ChannelData = serde_json::from_str(text).map_err(|error| {
                    Refusal::unauthorized(format!(
                        "Invalid channel_data: {error}; a `user_id` is needed"
                    ))
                })?;
                Member::new(data.user_id, data.user_info)
            }
            None => {
                let user = self
                    .connections
                    .get(&connection)
                    .and_then(|known| known.user.as_ref())
                    .ok_or_else(|| {
                        Refusal::unauthorized(
                            "A presence channel needs channel_data, or a connection that is signed in",
                        )
                    })?;
                let user_id = serde_json::value::to_raw_value(&user.id).ok();
                user_id.and_then(|user_id| Member::new(user_id, user.info.clone()))
            }
        };
        let member = member.ok_or_else(|| {
            Refusal::unauthorized(
                "Invalid channel_data: `user_id` must be a text of 1 to 128 bytes or a number",
            )
        })?;
        let info_bytes = member.user_info.as_ref().map_or(0, |info| info.get().len());
        if info_bytes > limits.user_info_bytes {
            return Err(Refusal::limit_reached(format!(
                "user_info has {info_bytes} bytes, {} are allowed",
                limits.user_info_bytes
            )));
        }
        // The limit counts users: another connection of a member is always accepted.
        if let Some(channel) = self.channels.get(&request.channel)
            && channel.members.len() >= limits.presence_members
            && !channel.is_member(&member.key)
        {
            return Err(Refusal::limit_reached(format!(
                "The channel has {} members already",
                limits.presence_members
            )));
        }
        Ok(member)
    }

    fn join(
        &mut self,
        connection: ConnectionId,
        kind: ChannelKind<'_>,
        name: &str,
        member: Option<Member>,
        now: Duration,
    ) {
        let Some(known) = self.connections.get_mut(&connection) else {
            return;
        };
        known.channels.insert(name.to_owned());
        let socket_id = known.socket_id.clone();
        let user_id = member.as_ref().map(|member| member.key.clone());

        let channel = self.channels.entry(name.to_owned()).or_default();
        let newcomer = channel.join(connection, member);
        let members = (kind == ChannelKind::Presence).then_some(channel.members.as_slice());
        let succeeded = frame::subscription_succeeded(name, members);
        self.send(connection, succeeded);
        // Clients expect the cached event after the confirmation.
        if is_cache_channel(name) {
            let replayed = self
                .cached_frame(name, now)
                .unwrap_or_else(|| frame::cache_miss(name).into());
            self.send(connection, replayed);
        }
        if let Some(member) = newcomer {
            self.send_to_channel(name, frame::member_added(name, &member), Some(connection));
        }
        self.send_subscription_count(name);
        self.emit(ServerEvent::Subscribed {
            socket_id,
            channel: name.to_owned(),
            user_id,
        });
    }

    fn refuse_subscription(&mut self, connection: ConnectionId, channel: &str, refusal: Refusal) {
        let socket_id = self.socket_id(connection).unwrap_or_default().to_owned();
        let frame =
            frame::subscription_error(channel, refusal.kind, &refusal.error, refusal.status);
        self.send(connection, frame);
        self.emit(ServerEvent::SubscriptionRefused {
            socket_id,
            channel: channel.to_owned(),
            reason: refusal.error,
        });
    }

    fn send_subscription_count(&mut self, name: &str) {
        let is_reported =
            ChannelKind::of(name).is_some_and(ChannelKind::reports_subscription_count);
        if !self.config.subscription_count || !is_reported {
            return;
        }
        let count = self.subscriber_count(name);
        self.send_to_channel(name, frame::subscription_count(name, count), None);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::core::test_support::TestCore;

    fn data(frame: &Value) -> Value {
        serde_json::from_str(frame["data"].as_str().unwrap()).unwrap()
    }

    #[test]
    fn public_channel_accepts_everyone() {
        let mut server = TestCore::new();
        let client = server.connected();
        server.subscribe(client, "news");
        let frame = server.frame(client);
        assert_eq!(
            frame,
            json!({"event": "pusher_internal:subscription_succeeded", "channel": "news", "data": "{}"})
        );
        assert_eq!(server.core.subscriber_count("news"), 1);
    }

    #[test]
    fn private_channel_needs_a_signature_of_this_socket_and_channel() {
        let mut server = TestCore::new();
        let (client, other) = (server.connected(), server.connected());
        let foreign = server.sign(other, "private-a", None);
        let elsewhere = server.sign(client, "private-b", None);
        for auth in ["", "app-key:00", &foreign, &elsewhere] {
            server.subscribe_with(client, json!({"channel": "private-a", "auth": auth}));
            let frame = server.frame(client);
            assert_eq!(frame["event"], "pusher:subscription_error");
            assert_eq!(frame["channel"], "private-a");
            assert_eq!(frame["data"]["type"], "AuthError");
            assert_eq!(frame["data"]["status"], 401);
        }
        assert_eq!(server.core.subscriber_count("private-a"), 0);
        server.subscribe(client, "private-a");
        assert_eq!(
            server.frame(client)["event"],
            "pusher_internal:subscription_succeeded"
        );
    }

    #[test]
    fn second_subscription_to_a_channel_is_an_error_without_effect() {
        let mut server = TestCore::new();
        let client = server.connected();
        server.subscribed(client, "news");
        server.subscribe(client, "news");
        let frame = server.frame(client);
        assert_eq!(
            frame["data"]["message"],
            "Existing subscription to channel news"
        );
        assert_eq!(server.core.subscriber_count("news"), 1);
    }

    #[test]
    fn new_member_gets_the_roster_and_others_get_member_added() {
        let mut server = TestCore::new();
        let (first, second) = (server.connected(), server.connected());
        server.join(first, "presence-a", r#"{"user_id":51169}"#);
        let roster = data(&server.frame(first));
        assert_eq!(
            roster,
            json!({"presence": {"count": 1, "ids": [51169], "hash": {"51169": null}}})
        );

        server.join(
            second,
            "presence-a",
            r#"{ "user_id": "b", "user_info": {"name":"Zoë ☕","big":12345678901234567890} }"#,
        );
        let frame = server.frame(second);
        assert!(
            frame["data"]
                .as_str()
                .unwrap()
                .contains("12345678901234567890"),
            "{frame}"
        );
        assert_eq!(data(&frame)["presence"]["ids"], json!([51169, "b"]));
        assert_eq!(data(&frame)["presence"]["hash"]["b"]["name"], "Zoë ☕");
        let added = server.frame(first);
        assert_eq!(added["event"], "pusher_internal:member_added");
        assert_eq!(data(&added)["user_id"], "b");
        assert_eq!(data(&added)["user_info"]["name"], "Zoë ☕");
        assert!(server.frames(second).is_empty());
    }

    #[test]
    fn a_user_on_two_connections_is_one_member() {
        let mut server = TestCore::new();
        let watcher = server.connected();
        server.join(watcher, "presence-a", r#"{"user_id":"w"}"#);
        let (first, second) = (server.connected(), server.connected());
        server.join(first, "presence-a", r#"{"user_id":"7"}"#);
        server.join(second, "presence-a", r#"{"user_id":7}"#);
        assert_eq!(server.core.members("presence-a"), ["w", "7"]);
        server.disconnect(first);
        let names: Vec<_> = server
            .frames(watcher)
            .iter()
            .map(|frame| frame["event"].clone())
            .collect();
        assert_eq!(
            names,
            [
                "pusher_internal:subscription_succeeded",
                "pusher_internal:member_added"
            ]
        );
        server.unsubscribe(second, "presence-a");
        let removed = server.frame(watcher);
        assert_eq!(removed["event"], "pusher_internal:member_removed");
        assert_eq!(removed["data"], r#"{"user_id":"7"}"#);
    }

    #[test]
    fn channel_data_without_a_user_id_is_refused() {
        let mut server = TestCore::new();
        let client = server.connected();
        for channel_data in [
            "{}",
            "null",
            "nonsense",
            r#"{"user_id":null}"#,
            r#"{"user_id":""}"#,
            r#"{"user_id":{}}"#,
        ] {
            server.join(client, "presence-a", channel_data);
            assert_eq!(
                server.frame(client)["event"],
                "pusher:subscription_error",
                "{channel_data}"
            );
        }
        server.subscribe(client, "presence-a");
        assert_eq!(server.frame(client)["event"], "pusher:subscription_error");
    }

    #[test]
    fn full_presence_channel_refuses_new_users_only() {
        let mut server = TestCore::with(|config| config.limits.presence_members = 1);
        let clients = [server.connected(), server.connected(), server.connected()];
        server.join(clients[0], "presence-a", r#"{"user_id":"a"}"#);
        server.join(clients[1], "presence-a", r#"{"user_id":"b"}"#);
        server.join(clients[2], "presence-a", r#"{"user_id":"a"}"#);
        assert_eq!(server.frame(clients[1])["data"]["type"], "LimitReached");
        assert_eq!(
            server.frame(clients[2])["event"],
            "pusher_internal:subscription_succeeded"
        );
    }

    #[test]
    fn unsubscribed_client_receives_no_events() {
        let mut server = TestCore::new();
        let client = server.connected();
        server.subscribed(client, "news");
        server.unsubscribe(client, "news");
        assert_eq!(server.publish("news", "headline", "{}"), 0);
        assert!(server.frames(client).is_empty());
        assert!(server.core.channels().is_empty());
    }

    #[test]
    fn the_subscription_count_is_sent_to_all_when_switched_on() {
        let mut server = TestCore::with(|config| config.subscription_count = true);
        let (first, second) = (server.connected(), server.connected());
        server.subscribe(first, "news");
        server.subscribe(second, "news");
        let counts = |frames: Vec<Value>| -> Vec<Value> {
            frames
                .iter()
                .filter(|frame| frame["event"] == "pusher_internal:subscription_count")
                .map(|frame| data(frame)["subscription_count"].clone())
                .collect()
        };
        assert_eq!(counts(server.frames(first)), [1, 2]);
        server.disconnect(second);
        assert_eq!(counts(server.frames(first)), [1]);

        server.join(first, "presence-a", r#"{"user_id":"a"}"#);
        assert!(counts(server.frames(first)).is_empty());
    }

    #[test]
    fn the_channel_of_another_user_cannot_be_subscribed_to() {
        let mut server = TestCore::new();
        let client = server.connected();
        server.subscribe(client, "#server-to-user-a");
        assert_eq!(server.frame(client)["event"], "pusher:subscription_error");
        server.sign_in(client, r#"{"id":"b"}"#);
        server.frames(client);
        server.subscribe(client, "#server-to-user-a");
        assert_eq!(server.frame(client)["event"], "pusher:subscription_error");
        server.subscribe(client, "#server-to-user-b");
        assert_eq!(
            server.frame(client)["event"],
            "pusher_internal:subscription_succeeded"
        );
    }
}
