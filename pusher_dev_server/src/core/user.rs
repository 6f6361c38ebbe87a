//! Users: sign-in, watchlists, and terminating the connections of a user.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::connection::User;
use super::frame::{self, SignIn};
use super::name::is_user_id;
use super::{ConnectionId, ServerCore, ServerEvent};

#[derive(Deserialize)]
struct UserData {
    id: String,
    user_info: Option<Box<RawValue>>,
    watchlist: Option<Vec<String>>,
}

impl ServerCore {
    /// Closes all connections that are signed in as this user, with an error and the close code 4009, after which clients do not
    /// reconnect; returns the number of closed connections.
    pub fn terminate_user(&mut self, user_id: &str) -> usize {
        let connections = self.connections_of_user(user_id);
        for connection in &connections {
            self.close_unauthorized(*connection, "Your connection was terminated by the app");
        }
        connections.len()
    }

    pub(super) fn sign_in(&mut self, connection: ConnectionId, data: Option<&RawValue>) {
        let Some(known) = self.connections.get(&connection) else {
            return;
        };
        let socket_id = known.socket_id.clone();
        let signed_in = known.user.as_ref().map(|user| user.id.clone());
        let (user, user_data) = match self.check_sign_in(&socket_id, data) {
            Ok(checked) => checked,
            Err(reason) => {
                // Like the hosted service, a failed sign-in closes the connection.
                self.close_unauthorized(connection, &reason);
                return;
            }
        };
        if signed_in.as_ref().is_some_and(|id| *id != user.id) {
            let message = "Sign-in rejected - the connection is signed in as another user";
            self.report(connection, None, message.to_owned());
            return;
        }
        // Watchers see a user, not its connections: only the first sign-in is a change.
        let is_first = self.connections_of_user(&user.id).is_empty();
        self.send(connection, frame::signin_success(&user_data));
        let (user_id, watchlist) = (user.id.clone(), user.watchlist.clone());
        if let Some(known) = self.connections.get_mut(&connection) {
            known.user = Some(user);
        }
        self.send_watchlist(connection, watchlist);
        if is_first {
            self.notify_watchers(&user_id, "online");
        }
        self.emit(ServerEvent::SignedIn { socket_id, user_id });
    }

    /// Handles the end of a connection of this user. If it was the last, notifies the watchers that the user is offline.
    pub(super) fn on_user_disconnected(&mut self, user_id: &str) {
        if self.connections_of_user(user_id).is_empty() {
            self.notify_watchers(user_id, "offline");
        }
    }

    fn check_sign_in(
        &self,
        socket_id: &str,
        data: Option<&RawValue>,
    ) -> Result<(User, String), String> {
        let request = data
            .and_then(|data| serde_json::from_str::<SignIn>(data.get()).ok())
            .ok_or("Invalid message: `pusher:signin` needs `auth` and `user_data`")?;
        if !self
            .config
            .app
            .accepts_user(&request.auth, socket_id, &request.user_data)
        {
            return Err(
                "Connection not authorized: the signature of the sign-in is wrong".to_owned(),
            );
        }
        let user: UserData = serde_json::from_str(&request.user_data)
            .map_err(|error| format!("Invalid user_data: {error}"))?;
        if !is_user_id(&user.id) {
            return Err("Invalid user_data: the `id` must have 1 to 128 bytes".to_owned());
        }
        let user = User {
            id: user.id,
            info: user.user_info,
            watchlist: user.watchlist.unwrap_or_default().into_iter().collect(),
        };
        Ok((user, request.user_data))
    }

    /// Sends a newly signed-in client which users of its watchlist are online and which are offline.
    fn send_watchlist(&mut self, connection: ConnectionId, mut watchlist: BTreeSet<String>) {
        let limit = self.config.limits.watchlist_users;
        if watchlist.len() > limit {
            watchlist = watchlist.into_iter().take(limit).collect();
            if let Some(user) = self
                .connections
                .get_mut(&connection)
                .and_then(|known| known.user.as_mut())
            {
                user.watchlist.clone_from(&watchlist);
            }
            let message =
                format!("The watchlist has more than {limit} users, further users are ignored");
            self.report(connection, Some(4302), message);
        }
        if watchlist.is_empty() {
            return;
        }
        let online: BTreeSet<&str> = self
            .connections
            .values()
            .filter_map(|known| known.user.as_ref())
            .map(|user| user.id.as_str())
            .collect();
        let (online, offline) = watchlist
            .iter()
            .map(String::as_str)
            .partition(|watched| online.contains(watched));
        let frame = frame::watchlist_events(&[("online", online), ("offline", offline)]);
        self.send(connection, frame);
    }

    fn notify_watchers(&mut self, user_id: &str, change: &str) {
        let watchers: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, known)| {
                known
                    .user
                    .as_ref()
                    .is_some_and(|user| user.id != user_id && user.watchlist.contains(user_id))
            })
            .map(|(id, _)| *id)
            .collect();
        let frame: std::sync::Arc<str> = frame::watchlist_events(&[(change, vec![user_id])]).into();
        for watcher in watchers {
            self.send(watcher, std::sync::Arc::clone(&frame));
        }
    }

    fn connections_of_user(&self, user_id: &str) -> Vec<ConnectionId> {
        self.connections
            .iter()
            .filter(|(_, known)| known.user.as_ref().is_some_and(|user| user.id == user_id))
            .map(|(id, _)| *id)
            .collect()
    }

    fn close_unauthorized(&mut self, connection: ConnectionId, reason: &str) {
        self.report(connection, Some(4009), reason.to_owned());
        self.close(connection, 4009, "Connection is unauthorized");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use crate::core::test_support::TestCore;

    fn changes(frames: &[Value]) -> Vec<Value> {
        frames
            .iter()
            .filter(|frame| frame["event"] == "pusher_internal:watchlist_events")
            .flat_map(|frame| frame["data"]["events"].as_array().unwrap().clone())
            .collect()
    }

    #[test]
    fn sign_in_success_repeats_the_user_data_verbatim() {
        let mut server = TestCore::new();
        let client = server.connected();
        let user_data = r#"{ "id":"a", "user_info":{"name":"A"} }"#;
        server.sign_in(client, user_data);
        assert_eq!(
            server.frame(client),
            json!({"event": "pusher:signin_success", "data": {"user_data": user_data}})
        );
        let socket_id = server.socket_id(client);
        assert_eq!(server.core.signed_in_user(&socket_id), Some("a"));
    }

    #[test]
    fn refused_sign_in_closes_with_4009() {
        for data in [
            json!({}),
            json!({"auth": "app-key:00", "user_data": r#"{"id":"a"}"#}),
        ] {
            let mut server = TestCore::new();
            let client = server.connected();
            server.text(
                client,
                &json!({"event": "pusher:signin", "data": data}).to_string(),
            );
            assert_eq!(server.frame(client)["data"]["code"], 4009);
            assert_eq!(server.close_code(client), Some(4009));
        }
        for user_data in ["nonsense", "{}", r#"{"id":7}"#, r#"{"id":""}"#] {
            let mut server = TestCore::new();
            let client = server.connected();
            server.sign_in(client, user_data);
            assert_eq!(server.close_code(client), Some(4009), "{user_data}");
        }
    }

    #[test]
    fn second_sign_in_as_another_user_is_refused() {
        let mut server = TestCore::new();
        let client = server.connected();
        server.sign_in(client, r#"{"id":"a"}"#);
        server.frames(client);
        server.sign_in(client, r#"{"id":"b"}"#);
        assert_eq!(server.frame(client)["event"], "pusher:error");
        let socket_id = server.socket_id(client);
        assert_eq!(server.core.signed_in_user(&socket_id), Some("a"));
        assert_eq!(server.close_code(client), None);
    }

    #[test]
    fn an_event_for_a_user_reaches_its_connections_only() {
        let mut server = TestCore::new();
        let (user, other) = (server.connected(), server.connected());
        for (client, id) in [(user, "a"), (other, "b")] {
            server.sign_in(client, &json!({"id": id}).to_string());
            server.subscribe(client, &format!("#server-to-user-{id}"));
            server.frames(client);
        }
        let reached = server
            .core
            .publish_to_user("a", "note", "{}", Duration::ZERO);
        assert_eq!(reached, Ok(1));
        assert_eq!(
            server.frame(user),
            json!({"event": "note", "channel": "#server-to-user-a", "data": "{}"})
        );
        assert!(server.frames(other).is_empty());
        assert!(server.core.channels().is_empty());
    }

    #[test]
    fn signed_in_user_joins_presence_without_channel_data() {
        let mut server = TestCore::new();
        let client = server.connected();
        server.sign_in(client, r#"{"id":"a","user_info":{"name":"A"}}"#);
        server.frames(client);
        server.subscribe(client, "presence-a");
        let data: Value =
            serde_json::from_str(server.frame(client)["data"].as_str().unwrap()).unwrap();
        assert_eq!(
            data,
            json!({"presence": {"count": 1, "ids": ["a"], "hash": {"a": {"name": "A"}}}})
        );
    }

    #[test]
    fn watchlist_sends_online_users_and_then_changes() {
        let mut server = TestCore::new();
        let (watcher, friend, friend_again) =
            (server.connected(), server.connected(), server.connected());
        server.sign_in(friend, r#"{"id":"b"}"#);
        server.sign_in(watcher, r#"{"id":"a","watchlist":["b","c"]}"#);
        let frames = server.frames(watcher);
        assert_eq!(frames[0]["event"], "pusher:signin_success");
        assert_eq!(
            changes(&frames),
            [
                json!({"name": "online", "user_ids": ["b"]}),
                json!({"name": "offline", "user_ids": ["c"]})
            ]
        );
        server.sign_in(friend_again, r#"{"id":"b"}"#);
        server.disconnect(friend);
        assert!(changes(&server.frames(watcher)).is_empty());
        server.disconnect(friend_again);
        assert_eq!(
            changes(&server.frames(watcher)),
            [json!({"name": "offline", "user_ids": ["b"]})]
        );
        let again = server.connected();
        server.sign_in(again, r#"{"id":"b"}"#);
        assert_eq!(
            changes(&server.frames(watcher)),
            [json!({"name": "online", "user_ids": ["b"]})]
        );
    }

    #[test]
    fn a_watchlist_beyond_the_limit_is_cut_and_reported_with_4302() {
        let mut server = TestCore::with(|config| config.limits.watchlist_users = 1);
        let watcher = server.connected();
        server.sign_in(watcher, r#"{"id":"a","watchlist":["b","c"]}"#);
        let frames = server.frames(watcher);
        assert_eq!(frames[0]["event"], "pusher:signin_success");
        assert_eq!(frames[1]["data"]["code"], 4302);
        assert_eq!(
            changes(&frames),
            [json!({"name": "offline", "user_ids": ["b"]})]
        );
    }

    #[test]
    fn terminating_a_user_closes_its_connections_with_4009() {
        let mut server = TestCore::new();
        let (user, other) = (server.connected(), server.connected());
        server.sign_in(user, r#"{"id":"a"}"#);
        assert_eq!(server.core.terminate_user("a"), 1);
        assert_eq!(server.close_code(user), Some(4009));
        assert_eq!(server.close_code(other), None);
    }
}
