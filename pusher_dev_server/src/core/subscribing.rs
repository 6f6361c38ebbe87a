//! Subscribing and unsubscribing: who is let in, what the channel is told, what the newcomer gets.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::channel::Member;
use super::frame::{self, Subscribe, Unsubscribe};
use super::name::{ChannelKind, is_cache_channel};
use super::{ConnectionId, ServerCore, ServerEvent};

/// Why a client is not let in: what `pusher:subscription_error` says.
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

    /// The status is the one soketi gives.
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
        match self.admit(connection, kind, &request) {
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
        self.tell(ServerEvent::Unsubscribed {
            socket_id,
            channel: request.channel,
        });
    }

    /// Takes a connection out of a channel and tells those who stay.
    pub(super) fn leave(&mut self, connection: ConnectionId, name: &str) {
        let Some(channel) = self.channels.get_mut(name) else {
            return;
        };
        let left = channel.leave(connection);
        if channel.subscribers.is_empty() {
            self.channels.remove(name);
            return;
        }
        if let Some(member) = left {
            self.send_to_channel(name, frame::member_removed(name, &member), None);
        }
        self.send_subscription_count(name);
    }

    /// Whether a client may subscribe, and as which member.
    fn admit(
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
                self.admit_member(connection, request).map(Some)
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

    fn admit_member(
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
        self.tell(ServerEvent::Subscribed {
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
        self.tell(ServerEvent::SubscriptionRefused {
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

    use crate::core::test_support::Scene;

    fn data(frame: &Value) -> Value {
        serde_json::from_str(frame["data"].as_str().unwrap()).unwrap()
    }

    #[test]
    fn a_public_channel_lets_everybody_in() {
        let mut scene = Scene::new();
        let client = scene.connected();
        scene.subscribe(client, "news");
        let frame = scene.frame(client);
        assert_eq!(
            frame,
            json!({"event": "pusher_internal:subscription_succeeded", "channel": "news", "data": "{}"})
        );
        assert_eq!(scene.core.subscriber_count("news"), 1);
    }

    #[test]
    fn a_private_channel_needs_the_signature_of_this_socket_and_channel() {
        let mut scene = Scene::new();
        let (client, other) = (scene.connected(), scene.connected());
        let foreign = scene.sign(other, "private-a", None);
        let elsewhere = scene.sign(client, "private-b", None);
        for auth in ["", "app-key:00", &foreign, &elsewhere] {
            scene.subscribe_with(client, json!({"channel": "private-a", "auth": auth}));
            let frame = scene.frame(client);
            assert_eq!(frame["event"], "pusher:subscription_error");
            assert_eq!(frame["channel"], "private-a");
            assert_eq!(frame["data"]["type"], "AuthError");
            assert_eq!(frame["data"]["status"], 401);
        }
        assert_eq!(scene.core.subscriber_count("private-a"), 0);
        scene.subscribe(client, "private-a");
        assert_eq!(
            scene.frame(client)["event"],
            "pusher_internal:subscription_succeeded"
        );
    }

    #[test]
    fn a_second_subscription_to_one_channel_is_reported_and_changes_nothing() {
        let mut scene = Scene::new();
        let client = scene.connected();
        scene.subscribed(client, "news");
        scene.subscribe(client, "news");
        let frame = scene.frame(client);
        assert_eq!(
            frame["data"]["message"],
            "Existing subscription to channel news"
        );
        assert_eq!(scene.core.subscriber_count("news"), 1);
    }

    #[test]
    fn a_newcomer_gets_the_roster_and_the_others_get_the_newcomer() {
        let mut scene = Scene::new();
        let (first, second) = (scene.connected(), scene.connected());
        scene.join(first, "presence-a", r#"{"user_id":51169}"#);
        let roster = data(&scene.frame(first));
        assert_eq!(
            roster,
            json!({"presence": {"count": 1, "ids": [51169], "hash": {"51169": null}}})
        );

        scene.join(
            second,
            "presence-a",
            r#"{ "user_id": "b", "user_info": {"name":"Zoë ☕","big":12345678901234567890} }"#,
        );
        let frame = scene.frame(second);
        assert!(
            frame["data"]
                .as_str()
                .unwrap()
                .contains("12345678901234567890"),
            "{frame}"
        );
        assert_eq!(data(&frame)["presence"]["ids"], json!([51169, "b"]));
        assert_eq!(data(&frame)["presence"]["hash"]["b"]["name"], "Zoë ☕");
        let added = scene.frame(first);
        assert_eq!(added["event"], "pusher_internal:member_added");
        assert_eq!(data(&added)["user_id"], "b");
        assert_eq!(data(&added)["user_info"]["name"], "Zoë ☕");
        assert!(scene.frames(second).is_empty());
    }

    #[test]
    fn a_user_on_two_connections_is_one_member() {
        let mut scene = Scene::new();
        let watcher = scene.connected();
        scene.join(watcher, "presence-a", r#"{"user_id":"w"}"#);
        let (first, second) = (scene.connected(), scene.connected());
        scene.join(first, "presence-a", r#"{"user_id":"7"}"#);
        scene.join(second, "presence-a", r#"{"user_id":7}"#);
        assert_eq!(scene.core.members("presence-a"), ["w", "7"]);
        scene.gone(first);
        let names: Vec<_> = scene
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
        scene.unsubscribe(second, "presence-a");
        let removed = scene.frame(watcher);
        assert_eq!(removed["event"], "pusher_internal:member_removed");
        assert_eq!(removed["data"], r#"{"user_id":"7"}"#);
    }

    #[test]
    fn channel_data_without_a_user_id_is_refused() {
        let mut scene = Scene::new();
        let client = scene.connected();
        for channel_data in [
            "{}",
            "null",
            "nonsense",
            r#"{"user_id":null}"#,
            r#"{"user_id":""}"#,
            r#"{"user_id":{}}"#,
        ] {
            scene.join(client, "presence-a", channel_data);
            assert_eq!(
                scene.frame(client)["event"],
                "pusher:subscription_error",
                "{channel_data}"
            );
        }
        scene.subscribe(client, "presence-a");
        assert_eq!(scene.frame(client)["event"], "pusher:subscription_error");
    }

    #[test]
    fn a_full_presence_channel_refuses_newcomers_but_not_its_members() {
        let mut scene = Scene::with(|config| config.limits.presence_members = 1);
        let clients = [scene.connected(), scene.connected(), scene.connected()];
        scene.join(clients[0], "presence-a", r#"{"user_id":"a"}"#);
        scene.join(clients[1], "presence-a", r#"{"user_id":"b"}"#);
        scene.join(clients[2], "presence-a", r#"{"user_id":"a"}"#);
        assert_eq!(scene.frame(clients[1])["data"]["type"], "LimitReached");
        assert_eq!(
            scene.frame(clients[2])["event"],
            "pusher_internal:subscription_succeeded"
        );
    }

    #[test]
    fn unsubscribing_ends_what_a_client_receives() {
        let mut scene = Scene::new();
        let client = scene.connected();
        scene.subscribed(client, "news");
        scene.unsubscribe(client, "news");
        assert_eq!(scene.publish("news", "headline", "{}"), 0);
        assert!(scene.frames(client).is_empty());
        assert!(scene.core.channels().is_empty());
    }

    #[test]
    fn the_subscription_count_is_sent_to_all_when_switched_on() {
        let mut scene = Scene::with(|config| config.subscription_count = true);
        let (first, second) = (scene.connected(), scene.connected());
        scene.subscribe(first, "news");
        scene.subscribe(second, "news");
        let counts = |frames: Vec<Value>| -> Vec<Value> {
            frames
                .iter()
                .filter(|frame| frame["event"] == "pusher_internal:subscription_count")
                .map(|frame| data(frame)["subscription_count"].clone())
                .collect()
        };
        assert_eq!(counts(scene.frames(first)), [1, 2]);
        scene.gone(second);
        assert_eq!(counts(scene.frames(first)), [1]);

        scene.join(first, "presence-a", r#"{"user_id":"a"}"#);
        assert!(counts(scene.frames(first)).is_empty());
    }

    #[test]
    fn the_channel_of_another_user_cannot_be_subscribed_to() {
        let mut scene = Scene::new();
        let client = scene.connected();
        scene.subscribe(client, "#server-to-user-a");
        assert_eq!(scene.frame(client)["event"], "pusher:subscription_error");
        scene.sign_in(client, r#"{"id":"b"}"#);
        scene.frames(client);
        scene.subscribe(client, "#server-to-user-a");
        assert_eq!(scene.frame(client)["event"], "pusher:subscription_error");
        scene.subscribe(client, "#server-to-user-b");
        assert_eq!(
            scene.frame(client)["event"],
            "pusher_internal:subscription_succeeded"
        );
    }
}
