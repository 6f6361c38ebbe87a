//! Signs and verifies: a signature is `KEY:` and the lower-case hex HMAC-SHA256 of a string, keyed with the app secret.
//!
//! Deliberately not `pusher_protocol::server`: this is the independent check of that module, so that a bug cannot hide on both sides.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::config::App;

impl App {
    /// Returns the `auth` that lets `socket_id` subscribe to `channel`. It covers `channel_data`, if present, byte for byte.
    #[must_use]
    pub fn sign_channel(
        &self,
        socket_id: &str,
        channel: &str,
        channel_data: Option<&str>,
    ) -> String {
        self.auth(&channel_text(socket_id, channel, channel_data))
    }

    /// Returns the `auth` that lets `socket_id` sign in as the user in `user_data`.
    #[must_use]
    pub fn sign_user(&self, socket_id: &str, user_data: &str) -> String {
        self.auth(&user_text(socket_id, user_data))
    }

    /// Returns the lower-case hex HMAC-SHA256 of `text`, which the HTTP API calls `auth_signature`.
    #[must_use]
    pub fn signature(&self, text: &str) -> String {
        hex::encode(
            self.hmac(text)
                .map(|hmac| hmac.finalize().into_bytes())
                .unwrap_or_default(),
        )
    }

    /// Returns whether `auth` is the one from [`sign_channel`](Self::sign_channel).
    #[must_use]
    pub fn accepts_channel(
        &self,
        auth: &str,
        socket_id: &str,
        channel: &str,
        channel_data: Option<&str>,
    ) -> bool {
        self.accepts_auth(auth, &channel_text(socket_id, channel, channel_data))
    }

    /// Returns whether `auth` is the one from [`sign_user`](Self::sign_user).
    #[must_use]
    pub fn accepts_user(&self, auth: &str, socket_id: &str, user_data: &str) -> bool {
        self.accepts_auth(auth, &user_text(socket_id, user_data))
    }

    /// Returns whether `signature` is the signature of `text`. Upper-case hex is refused, as the hosted service does.
    #[must_use]
    pub fn accepts_signature(&self, signature: &str, text: &str) -> bool {
        let Ok(bytes) = hex::decode(signature) else {
            return false;
        };
        // `hex::decode` accepts upper case.
        let is_lower_case = !signature.bytes().any(|byte| byte.is_ascii_uppercase());
        is_lower_case
            && self
                .hmac(text)
                .is_some_and(|hmac| hmac.verify_slice(&bytes).is_ok())
    }

    fn auth(&self, text: &str) -> String {
        format!("{}:{}", self.key, self.signature(text))
    }

    fn accepts_auth(&self, auth: &str, text: &str) -> bool {
        auth.strip_prefix(self.key.as_str())
            .and_then(|rest| rest.strip_prefix(':'))
            .is_some_and(|signature| self.accepts_signature(signature, text))
    }

    /// Never returns `None`, because HMAC accepts a key of any length.
    fn hmac(&self, text: &str) -> Option<Hmac<Sha256>> {
        let mut hmac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).ok()?;
        hmac.update(text.as_bytes());
        Some(hmac)
    }
}

fn channel_text(socket_id: &str, channel: &str, channel_data: Option<&str>) -> String {
    match channel_data {
        Some(data) => format!("{socket_id}:{channel}:{data}"),
        None => format!("{socket_id}:{channel}"),
    }
}

fn user_text(socket_id: &str, user_data: &str) -> String {
    format!("{socket_id}::user::{user_data}")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::core::test_support::vectors;

    fn text<'a>(vector: &'a Value, field: &str) -> Option<&'a str> {
        vector.get(field).and_then(Value::as_str)
    }

    #[test]
    fn every_signature_vector_is_made_and_accepted() {
        let vectors = vectors();
        let signatures = vectors["signatures"].as_array().unwrap();
        assert!(signatures.len() >= 10);
        for vector in signatures {
            let app = App {
                id: "1".to_owned(),
                key: text(vector, "key").unwrap().to_owned(),
                secret: text(vector, "secret").unwrap().to_owned(),
            };
            let socket_id = text(vector, "socket_id").unwrap();
            let auth = text(vector, "auth").unwrap();
            if text(vector, "kind") == Some("user") {
                let user_data = text(vector, "user_data").unwrap();
                assert_eq!(app.sign_user(socket_id, user_data), auth, "{vector}");
                assert!(app.accepts_user(auth, socket_id, user_data));
                assert!(!app.accepts_user(auth, "1.1", user_data));
            } else {
                let channel = text(vector, "channel").unwrap();
                let channel_data = text(vector, "channel_data");
                assert_eq!(
                    app.sign_channel(socket_id, channel, channel_data),
                    auth,
                    "{vector}"
                );
                assert!(app.accepts_channel(auth, socket_id, channel, channel_data));
                assert!(!app.accepts_channel(auth, "1.1", channel, channel_data));
                assert!(!app.accepts_channel(auth, socket_id, channel, Some("{}")));
            }
        }
    }

    #[test]
    fn an_auth_of_another_key_or_form_is_not_accepted() {
        let app = App::default();
        let auth = app.sign_channel("1.2", "private-a", None);
        let (_, signature) = auth.split_once(':').unwrap();
        for wrong in [
            "",
            "app-key",
            "app-key:",
            signature,
            &format!("other-key:{signature}"),
            &format!("app-key:{}", signature.to_uppercase()),
            &format!("app-key:{signature}00"),
            &auth[..auth.len() - 2],
        ] {
            assert!(
                !app.accepts_channel(wrong, "1.2", "private-a", None),
                "{wrong}"
            );
        }
    }
}
