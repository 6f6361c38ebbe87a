//! A model of the server with other clients, and of the game's backend. It shares no code with the client.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base64::{Engine, prelude::BASE64_STANDARD};
use crypto_secretbox::{KeyInit, Nonce, XSalsa20Poly1305, aead::Aead};
use pusher_protocol::{
    protocol::{AuthError, ChannelAuthorization, UserAuthentication},
    session::DialId,
};
use serde_json::{Value, json};

use crate::action::{Answer, Handshake, ReplyMode};

const USER_CHANNEL: &str = "#server-to-user-me";

/// A connection as the server knows it, with the frames in flight.
pub struct Connection {
    pub dial: DialId,
    pub socket_id: String,
    pub to_server: VecDeque<String>,
    pub to_client: VecDeque<String>,
    /// The route is lost: no bytes arrive in either direction.
    pub is_dead: bool,
    subscribed: BTreeSet<String>,
    /// The extra field `filter` of each subscription.
    filters: BTreeMap<String, u8>,
    /// Subscriptions that were refused, possibly without the client knowing.
    declined: BTreeSet<String>,
    /// Subscriptions that were confirmed once.
    granted: BTreeSet<String>,
    signed_in: bool,
}

#[derive(Default)]
pub struct Server {
    connections: u32,
    events: u64,
    members: BTreeMap<String, BTreeSet<String>>,
    keys: BTreeMap<String, u8>,
}

impl Server {
    pub fn accept(&mut self, dial: DialId, handshake: Handshake) -> Connection {
        self.connections += 1;
        let socket_id = format!("{}.7", self.connections);
        let data = json!({"socket_id": socket_id, "activity_timeout": 120}).to_string();
        let first = match handshake {
            Handshake::Good => {
                Some(json!({"event": "pusher:connection_established", "data": data}).to_string())
            }
            Handshake::Error(code) => Some(
                json!({"event": "pusher:error", "data": {"code": code, "message": "no"}})
                    .to_string(),
            ),
            Handshake::Garbage => Some("<html>".into()),
            Handshake::Nothing => None,
        };
        Connection {
            dial,
            socket_id,
            to_server: VecDeque::new(),
            to_client: first.into_iter().collect(),
            is_dead: false,
            subscribed: BTreeSet::new(),
            filters: BTreeMap::new(),
            declined: BTreeSet::new(),
            granted: BTreeSet::new(),
            signed_in: false,
        }
    }

    /// Removes an ended connection.
    pub fn remove_connection(&mut self, connection: &Connection) {
        for channel in &connection.subscribed {
            self.leave(channel);
        }
    }

    fn leave(&mut self, channel: &str) {
        if let Some(members) = self.members.get_mut(channel) {
            members.remove("me");
        }
    }

    /// Handles one frame of the client.
    pub fn read(&mut self, connection: &mut Connection, text: &str, mode: ReplyMode) {
        let frame: Value = serde_json::from_str(text).expect("the client sends JSON");
        let data = &frame["data"];
        match frame["event"].as_str().expect("each frame has an event") {
            "pusher:subscribe" => self.subscribe(connection, data, mode),
            "pusher:unsubscribe" => {
                let channel = data["channel"].as_str().expect("a channel");
                assert!(
                    connection.subscribed.remove(channel) | connection.declined.remove(channel),
                    "{channel} was never requested"
                );
                self.leave(channel);
            }
            "pusher:signin" => sign_in(connection, data, mode),
            "pusher:ping" => connection.send(&json!({"event": "pusher:pong"})),
            "pusher:pong" => {}
            "client-x" => {
                let channel = frame["channel"].as_str().expect("a channel");
                assert!(
                    connection.subscribed.contains(channel)
                        || connection.declined.contains(channel),
                    "a client event on {channel}, which was never requested"
                );
            }
            other => panic!("{other} is no frame of a client"),
        }
    }

    fn subscribe(&mut self, connection: &mut Connection, data: &Value, mode: ReplyMode) {
        let channel = data["channel"].as_str().expect("a channel");
        assert!(
            !connection.subscribed.contains(channel),
            "{channel} is subscribed already"
        );
        if channel == USER_CHANNEL {
            assert!(connection.signed_in, "{channel} before the sign-in");
        } else if channel.starts_with("private-") || channel.starts_with("presence-") {
            assert_eq!(
                data["auth"],
                format!("key:{}:{channel}", connection.socket_id),
                "authorized for another connection"
            );
        }
        let is_presence = channel.starts_with("presence-");
        if is_presence && data.get("channel_data").is_none() {
            assert!(connection.signed_in, "{channel} has no members");
        }
        let text = data.to_string();
        assert!(
            !text.contains("shared_secret"),
            "the server must not receive a key"
        );
        // A reply names only its channel. If an earlier subscription of the channel was confirmed and the next one is refused
        // without a name, no client can tell them apart.
        let mode = match mode {
            ReplyMode::RefusesVaguely | ReplyMode::KeepsSilent
                if connection.granted.contains(channel) =>
            {
                ReplyMode::Refuses
            }
            mode => mode,
        };
        match mode {
            ReplyMode::Grants => {
                connection.granted.insert(channel.into());
                connection.declined.remove(channel);
                connection.subscribed.insert(channel.into());
                let filter = data["filter"].as_u64().unwrap_or_default();
                let filter = u8::try_from(filter).expect("a small number");
                connection.filters.insert(channel.into(), filter);
                let mut answer = json!({});
                if is_presence {
                    let members = self.members.entry(channel.into()).or_default();
                    members.insert("me".into());
                    let hash: BTreeMap<&str, Value> =
                        members.iter().map(|id| (&**id, Value::Null)).collect();
                    answer =
                        json!({"presence": {"ids": members, "hash": hash, "count": members.len()}});
                }
                connection.send(&json!({
                    "event": "pusher_internal:subscription_succeeded", "channel": channel, "data": answer.to_string()
                }));
            }
            ReplyMode::Refuses => {
                connection.declined.insert(channel.into());
                connection.send(&json!({
                    "event": "pusher:subscription_error", "channel": channel, "data": {"status": 403, "error": "no"}
                }));
            }
            ReplyMode::RefusesVaguely => {
                connection.declined.insert(channel.into());
                connection.send(&json!({"event": "pusher:error", "data": {"code": 4009}}));
            }
            ReplyMode::KeepsSilent => {
                connection.declined.insert(channel.into());
            }
        }
    }

    /// Publishes an event whose data is its number, and returns the number.
    pub fn publish(&mut self, connection: &mut Connection, channel: &str) -> Option<u64> {
        if !connection.subscribed.contains(channel) {
            return None;
        }
        self.events += 1;
        let plain = self.events.to_string();
        let data = if channel.starts_with("private-encrypted-") {
            seal(self.key(channel), &plain).to_string()
        } else {
            plain
        };
        connection.send(&json!({"event": "e", "channel": channel, "data": data}));
        Some(self.events)
    }

    pub fn publish_to_user(&mut self, connection: &mut Connection) {
        if connection.subscribed.contains(USER_CHANNEL) {
            connection.send(&json!({"event": "e", "channel": USER_CHANNEL, "data": "1"}));
        }
    }

    pub fn join_or_leave(
        &mut self,
        connection: Option<&mut Connection>,
        channel: &str,
        player: &str,
    ) {
        if !channel.starts_with("presence-") {
            return;
        }
        let members = self.members.entry(channel.into()).or_default();
        let event = if members.remove(player) {
            "pusher_internal:member_removed"
        } else {
            members.insert(player.into());
            "pusher_internal:member_added"
        };
        if let Some(connection) =
            connection.filter(|connection| connection.subscribed.contains(channel))
        {
            // Some servers send numeric ids as numbers.
            let id = player
                .parse()
                .map_or_else(|_| json!(player), |id: u64| json!(id));
            let data = json!({"user_id": id}).to_string();
            connection.send(&json!({"event": event, "channel": channel, "data": data}));
        }
    }

    pub fn rotate_key(&mut self, channel: &str) {
        if channel.starts_with("private-encrypted-") {
            *self.keys.entry(channel.into()).or_default() += 1;
        }
    }

    fn key(&self, channel: &str) -> [u8; 32] {
        [self.keys.get(channel).copied().unwrap_or_default(); 32]
    }

    /// The response of the game's backend to a channel authorization.
    pub fn authorize(
        &self,
        channel: &str,
        socket_id: &str,
        with: Answer,
    ) -> Result<ChannelAuthorization, AuthError> {
        let answer = ChannelAuthorization::new(format!("key:{socket_id}:{channel}"));
        match with {
            Answer::Refused => return Err(AuthError::http(403, "")),
            Answer::Overloaded => return Err(AuthError::http(503, "")),
            _ => {}
        }
        if channel.starts_with("presence-") {
            return Ok(match with {
                Answer::Anonymous => answer,
                Answer::Useless => answer.with_channel_data(r#"{"user_id":{}}"#),
                _ => answer.with_channel_data(r#"{"user_id":"me"}"#),
            });
        }
        if channel.starts_with("private-encrypted-") {
            let [mut key, ..] = self.key(channel);
            if with == Answer::OldKey {
                key = key.wrapping_sub(1);
            }
            let length = if with == Answer::Useless { 31 } else { 32 };
            return Ok(answer.with_shared_secret(BASE64_STANDARD.encode(vec![key; length])));
        }
        Ok(answer)
    }

    /// The response of the game's backend to a user authentication.
    pub fn authenticate(socket_id: &str, with: Answer) -> Result<UserAuthentication, AuthError> {
        let auth = format!("key:{socket_id}");
        match with {
            Answer::Refused => Err(AuthError::http(403, "")),
            Answer::Overloaded => Err(AuthError::http(503, "")),
            Answer::Useless => Ok(UserAuthentication::new(auth, "{}")),
            _ => Ok(UserAuthentication::new(auth, r#"{"id":"me"}"#)),
        }
    }

    /// Returns the members of a presence channel.
    pub fn members(&self, channel: &str) -> Vec<&str> {
        let members = self.members.get(channel);
        members.into_iter().flatten().map(|id| &**id).collect()
    }
}

impl Connection {
    /// Returns the channels to which the client is subscribed, without the user's own.
    pub fn subscribed(&self) -> BTreeSet<&str> {
        let names = self.subscribed.iter().map(|name| &**name);
        names.filter(|name| !name.starts_with('#')).collect()
    }

    /// Whether the user is signed in.
    pub fn is_signed_in(&self) -> bool {
        self.signed_in
    }

    /// Returns the extra field `filter` of a subscription.
    pub fn filter(&self, channel: &str) -> u8 {
        self.filters.get(channel).copied().unwrap_or_default()
    }

    pub fn send(&mut self, frame: &Value) {
        self.to_client.push_back(frame.to_string());
    }
}

fn sign_in(connection: &mut Connection, data: &Value, mode: ReplyMode) {
    assert_eq!(
        data["auth"],
        format!("key:{}", connection.socket_id),
        "authenticated for another connection"
    );
    match mode {
        ReplyMode::Grants => {
            connection.signed_in = true;
            let user_data = &data["user_data"];
            connection
                .send(&json!({"event": "pusher:signin_success", "data": {"user_data": user_data}}));
            let events = json!({"events": [{"name": "online", "user_ids": ["ann"]}]});
            connection.send(&json!({"event": "pusher_internal:watchlist_events", "data": events}));
        }
        ReplyMode::Refuses | ReplyMode::RefusesVaguely => {
            connection.send(&json!({"event": "pusher:error", "data": {"code": 4009}}));
        }
        ReplyMode::KeepsSilent => {}
    }
}

fn seal(key: [u8; 32], plain: &str) -> Value {
    let nonce = [9; 24];
    let cipher = XSalsa20Poly1305::new(&key.into());
    let sealed = cipher
        .encrypt(&Nonce::from(nonce), plain.as_bytes())
        .expect("a short text can be sealed");
    json!({"nonce": BASE64_STANDARD.encode(nonce), "ciphertext": BASE64_STANDARD.encode(sealed)})
}
