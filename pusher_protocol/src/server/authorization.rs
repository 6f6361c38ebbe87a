//! Signatures that clients send to the server: for a channel, and for a user.
//!
//! The signed texts are `SOCKET_ID:CHANNEL`, `SOCKET_ID:CHANNEL:CHANNEL_DATA` and `SOCKET_ID::user::USER_DATA`.

use serde_json::Value;

use super::{AppCredentials, SigningError};
use crate::protocol::{ChannelName, NameRules};

impl AppCredentials {
    /// Returns the field `auth` of an authorization, with which the connection with this socket id may subscribe to `channel`.
    ///
    /// A presence channel needs `channel_data`, the member as JSON: `{"user_id":"10","user_info":{…}}`. It is signed byte for byte, so
    /// respond with exactly this text and do not serialize it again. The response for an encrypted channel also needs
    /// its [`channel_secret`](super::channel_secret).
    ///
    /// The caller decides whether the player may join, before it calls this.
    pub fn authorize_channel(
        &self,
        socket_id: &str,
        channel: &str,
        channel_data: Option<&str>,
    ) -> Result<String, SigningError> {
        check_socket_id(socket_id)?;
        // The relaxed rules: some servers allow more characters than Pusher does. Only ambiguous names are refused.
        let name = ChannelName::new(channel, NameRules::Relaxed)?;
        if name.contains(':') {
            return Err(SigningError::ColonInChannelName(channel.to_owned()));
        }
        if !name.kind().needs_authorization() {
            return Err(SigningError::PublicChannel(channel.to_owned()));
        }
        Ok(match channel_data {
            Some(data) => self.auth(&format!("{socket_id}:{channel}:{data}")),
            None => self.auth(&format!("{socket_id}:{channel}")),
        })
    }

    /// Returns the field `auth` of a user authentication, with which the connection with this socket id signs in as the user that
    /// `user_data` describes.
    ///
    /// `user_data` is JSON: `{"id":"12345","user_info":{…},"watchlist":["…"]}`; only `id` is required. It is signed byte for
    /// byte, so respond with exactly this text.
    pub fn authenticate_user(
        &self,
        socket_id: &str,
        user_data: &str,
    ) -> Result<String, SigningError> {
        check_socket_id(socket_id)?;
        let user: Value =
            serde_json::from_str(user_data).map_err(|_| SigningError::InvalidUserData)?;
        let id = user.get("id").and_then(Value::as_str);
        if id.is_none_or(str::is_empty) {
            return Err(SigningError::InvalidUserData);
        }
        Ok(self.auth(&format!("{socket_id}::user::{user_data}")))
    }
}

/// All server libraries check this: with the socket id `1.1::user::{…}`, the signature for a channel would be valid for a sign-in.
fn check_socket_id(socket_id: &str) -> Result<(), SigningError> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match socket_id.split_once('.') {
        Some((first, second)) if is_number(first) && is_number(second) => Ok(()),
        _ => Err(SigningError::InvalidSocketId(socket_id.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Public test vectors of the server libraries; see `about` in the file.
    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../../tests/data/vectors.json")).unwrap()
    }

    fn text<'a>(vector: &'a Value, field: &str) -> Option<&'a str> {
        vector.get(field).and_then(Value::as_str)
    }

    #[test]
    fn every_signature_vector_is_reproduced() {
        let vectors = vectors();
        let signatures = vectors["signatures"].as_array().unwrap();
        assert!(signatures.len() >= 10);
        for vector in signatures {
            let app = AppCredentials::new(
                text(vector, "key").unwrap(),
                text(vector, "secret").unwrap(),
            );
            let socket_id = text(vector, "socket_id").unwrap();
            let auth = match text(vector, "user_data") {
                Some(user_data) => app.authenticate_user(socket_id, user_data),
                None => {
                    let channel = text(vector, "channel").unwrap();
                    app.authorize_channel(socket_id, channel, text(vector, "channel_data"))
                }
            };
            assert_eq!(
                auth.as_deref(),
                Ok(text(vector, "auth").unwrap()),
                "{vector}"
            );
        }
    }

    /// Pusher's page on signatures shows the first of these next to the text of "Mr. Channels".
    #[test]
    fn presence_data_is_signed_byte_for_byte() {
        let app = AppCredentials::new("278d425bdf160c739803", "7ad3773142a6692b25b8");
        for (channel_data, signature) in [
            (
                r#"{"user_id":10,"user_info":{"name":"Mr. Pusher"}}"#,
                "afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c",
            ),
            (
                r#"{"user_id":"10","user_info":{"name":"Mr. Pusher"}}"#,
                "48dac51d2d7569e1e9c0f48c227d4b26f238fa68e5c0bb04222c966909c4f7c4",
            ),
        ] {
            let auth = app.authorize_channel("1234.1234", "presence-foobar", Some(channel_data));
            assert_eq!(auth, Ok(format!("{}:{signature}", app.key())));
        }
    }

    #[test]
    fn a_text_with_two_readings_is_not_signed() {
        let app = AppCredentials::new("key", "secret");
        for socket_id in [
            "",
            ".",
            "1",
            "1.",
            ".1",
            "1.1.1",
            "1.-1",
            "1.1 ",
            "1.1\n",
            "x.1",
            "١.١",
            "1.1::user::{\"id\":\"admin\"}",
        ] {
            let error = SigningError::InvalidSocketId(socket_id.to_owned());
            assert_eq!(
                app.authorize_channel(socket_id, "private-a", None),
                Err(error.clone())
            );
            assert_eq!(
                app.authenticate_user(socket_id, "{\"id\":\"1\"}"),
                Err(error)
            );
        }
        for channel in ["", "private-\n", "#server-to-user-1"] {
            assert!(matches!(
                app.authorize_channel("1.1", channel, None),
                Err(SigningError::InvalidChannelName(_))
            ));
        }
        for channel in [":user:{\"id\":\"admin\"}", "presence-a:{\"user_id\":\"1\"}"] {
            let error = SigningError::ColonInChannelName(channel.to_owned());
            assert_eq!(app.authorize_channel("1.1", channel, None), Err(error));
        }
        let error = SigningError::PublicChannel("lobby".to_owned());
        assert_eq!(app.authorize_channel("1.1", "lobby", None), Err(error));
    }

    #[test]
    fn a_user_needs_an_id() {
        let app = AppCredentials::new("key", "secret");
        for user_data in ["", "null", "{}", "[\"id\"]", "{\"id\":1}", "{\"id\":\"\"}"] {
            let auth = app.authenticate_user("1.1", user_data);
            assert_eq!(auth, Err(SigningError::InvalidUserData), "{user_data}");
        }
    }
}
