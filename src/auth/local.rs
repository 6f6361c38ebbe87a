use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    AuthError, AuthReply, AuthRequest, Authenticator, Authorizer, ChannelAuthorization,
    UserAuthReply, UserAuthRequest, UserAuthentication,
};

/// Authorizes channels and vouches for the user with the app's secret, in the game itself: to develop against a server of
/// one's own before there is a backend. Needs the feature `local-auth`.
///
/// **Never ship it.** Whoever has the game then has the secret, and with it may be any user, join any channel, read and
/// publish everything. Builds without debug assertions say so loudly.
///
/// ```
/// # use bevy_pusher::{auth::LocalAuthorizer, config::*};
/// let local = LocalAuthorizer::new("app-key", "app-secret").with_user("ann", serde_json::json!({"name": "Ann"}));
/// let config = PusherConfig::new("app-key", Endpoint::custom("localhost", 6001)).with_local_auth(local);
/// ```
///
/// Its `Debug` shows no secret.
#[derive(Clone)]
pub struct LocalAuthorizer {
    key: String,
    secret: String,
    user: Option<User>,
    master_key: Option<[u8; 32]>,
}

#[derive(Clone)]
struct User {
    id: String,
    info: Value,
    watchlist: Vec<String>,
}

/// The data of a member of a presence channel.
#[derive(Serialize)]
struct ChannelData<'a> {
    user_id: &'a str,
    #[serde(skip_serializing_if = "Value::is_null")]
    user_info: &'a Value,
}

/// The data of a user who signs in.
#[derive(Serialize)]
struct UserData<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Value::is_null")]
    user_info: &'a Value,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    watchlist: &'a [String],
}

impl LocalAuthorizer {
    /// For the app with this key and secret.
    #[must_use]
    pub fn new(key: impl Into<String>, secret: impl Into<String>) -> Self {
        if !cfg!(debug_assertions) {
            log::error!(
                "THIS BUILD SIGNS WITH THE APP'S SECRET (LocalAuthorizer): whoever has it has the app. Do not ship it."
            );
        }
        Self {
            key: key.into(),
            secret: secret.into(),
            user: None,
            master_key: None,
        }
    }

    /// Who the player is, on presence channels and when signing in; `info` is what others see, `null` for nothing.
    #[must_use]
    pub fn with_user(mut self, id: impl Into<String>, info: impl Into<Value>) -> Self {
        self.user = Some(User {
            id: id.into(),
            info: info.into(),
            watchlist: Vec::new(),
        });
        self
    }

    /// Whom that player watches once signed in. Without a [user](Self::with_user) it is nothing.
    #[must_use]
    pub fn with_watchlist(mut self, ids: impl IntoIterator<Item = impl Into<String>>) -> Self {
        if let Some(user) = &mut self.user {
            user.watchlist = ids.into_iter().map(Into::into).collect();
        }
        self
    }

    /// The key that the server libraries call `encryptionMasterKeyBase64`, decoded: encrypted channels need it.
    #[must_use]
    pub fn with_encryption_master_key(mut self, key: [u8; 32]) -> Self {
        self.master_key = Some(key);
        self
    }

    fn channel(&self, request: &AuthRequest) -> Result<ChannelAuthorization, AuthError> {
        let (channel, socket_id) = (request.channel(), request.socket_id());
        if channel.starts_with("presence-") {
            let user = self.user()?;
            let data = json(&ChannelData {
                user_id: &user.id,
                user_info: &user.info,
            })?;
            let auth = self.auth(&format!("{socket_id}:{channel}:{data}"))?;
            return Ok(ChannelAuthorization::new(auth).with_channel_data(data));
        }
        let authorization =
            ChannelAuthorization::new(self.auth(&format!("{socket_id}:{channel}"))?);
        if !channel.starts_with("private-encrypted-") {
            return Ok(authorization);
        }
        let master_key = self.master_key.as_ref().ok_or_else(|| {
            refused("an encrypted channel takes LocalAuthorizer::with_encryption_master_key")
        })?;
        Ok(authorization.with_shared_secret(shared_secret(channel, master_key)))
    }

    fn sign_in(&self, request: &UserAuthRequest) -> Result<UserAuthentication, AuthError> {
        let user = self.user()?;
        let data = json(&UserData {
            id: &user.id,
            user_info: &user.info,
            watchlist: &user.watchlist,
        })?;
        let auth = self.auth(&format!("{}::user::{data}", request.socket_id()))?;
        Ok(UserAuthentication::new(auth, data))
    }

    fn user(&self) -> Result<&User, AuthError> {
        let advice = "presence channels and signing in take LocalAuthorizer::with_user";
        self.user.as_ref().ok_or_else(|| refused(advice))
    }

    /// `KEY:` and the lower-case hex HMAC-SHA256 of the text.
    fn auth(&self, text: &str) -> Result<String, AuthError> {
        let mut hmac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes())
            .map_err(|_| refused("the secret is none"))?;
        hmac.update(text.as_bytes());
        let signature = hmac.finalize().into_bytes();
        let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("{}:{hex}", self.key))
    }
}

impl Authorizer for LocalAuthorizer {
    fn authorize(&self, request: AuthRequest, reply: AuthReply) {
        reply.send(self.channel(&request));
    }
}

impl Authenticator for LocalAuthorizer {
    fn authenticate(&self, request: UserAuthRequest, reply: UserAuthReply) {
        reply.send(self.sign_in(&request));
    }
}

impl fmt::Debug for LocalAuthorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalAuthorizer")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// The secret of one channel: SHA-256 of its name and the master key, in base64.
fn shared_secret(channel: &str, master_key: &[u8; 32]) -> String {
    let mut hash = Sha256::new();
    hash.update(channel.as_bytes());
    hash.update(master_key);
    STANDARD.encode(hash.finalize())
}

fn json(data: &impl Serialize) -> Result<String, AuthError> {
    serde_json::to_string(data).map_err(|error| refused(&error.to_string()))
}

fn refused(message: &str) -> AuthError {
    AuthError::Refused {
        message: message.into(),
        status: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors() -> Value {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/vectors.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn text<'a>(vector: &'a Value, field: &str) -> Option<&'a str> {
        vector.get(field).and_then(Value::as_str)
    }

    #[test]
    fn every_signature_vector_is_made() {
        let vectors = vectors();
        let signatures = vectors["signatures"].as_array().unwrap();
        assert!(signatures.len() >= 10);
        for vector in signatures {
            let local = LocalAuthorizer::new(
                text(vector, "key").unwrap(),
                text(vector, "secret").unwrap(),
            );
            let socket_id = text(vector, "socket_id").unwrap();
            let signed = if text(vector, "kind") == Some("user") {
                format!("{socket_id}::user::{}", text(vector, "user_data").unwrap())
            } else {
                let channel = text(vector, "channel").unwrap();
                match text(vector, "channel_data") {
                    Some(data) => format!("{socket_id}:{channel}:{data}"),
                    None => format!("{socket_id}:{channel}"),
                }
            };
            let expected = text(vector, "auth").unwrap();
            assert_eq!(local.auth(&signed).unwrap(), expected, "{vector}");
        }
    }

    #[test]
    fn every_shared_secret_of_the_vectors_is_derived() {
        let vectors = vectors();
        let mut derived = 0;
        for vector in vectors["encryption"].as_array().unwrap() {
            let (Some(key), Some(secret)) =
                (text(vector, "master_key"), text(vector, "shared_secret"))
            else {
                continue;
            };
            let key = STANDARD.decode(key).unwrap().try_into().unwrap();
            let channel = text(vector, "channel").unwrap();
            assert_eq!(shared_secret(channel, &key), secret);
            derived += 1;
        }
        assert!(derived >= 4);
    }

    #[test]
    fn what_is_missing_is_named_and_no_secret_is_shown() {
        let local = LocalAuthorizer::new("key", "secret-4711").with_watchlist(["nobody"]);
        for channel in ["presence-a", "private-encrypted-a"] {
            let request = AuthRequest::new(channel.into(), "1.1".into());
            let error = local.channel(&request).unwrap_err();
            assert!(
                error.to_string().contains("LocalAuthorizer::with_"),
                "{error}"
            );
        }
        assert!(local.sign_in(&UserAuthRequest::new("1.1".into())).is_err());
        let local = local.with_encryption_master_key([7; 32]);
        let shown = format!("{local:?}");
        assert!(
            !shown.contains("4711") && !shown.contains("7, 7"),
            "{shown}"
        );
    }
}
