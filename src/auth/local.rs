//! The authorizer that signs in the game itself. What it signs with is [`pusher_protocol::server`].

use std::fmt;

use pusher_protocol::server::{AppCredentials, SigningError, channel_secret};
use serde::Serialize;
use serde_json::Value;

use super::{
    AuthError, AuthReply, AuthRequest, Authenticator, Authorizer, ChannelAuthorization,
    UserAuthReply, UserAuthRequest, UserAuthentication,
};

/// Authorizes channels and authenticates the user with the app's secret, in the game itself: to develop against your own server
/// before there is a backend. Needs the feature `local-auth`.
///
/// **Never ship it.** Everyone who has the game then has the secret, and with it can be any user, join any channel, and read and
/// publish everything. Builds without debug assertions log an error about it.
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
    credentials: AppCredentials,
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
    /// Creates an authorizer that signs for the app with this key and secret.
    #[must_use]
    pub fn new(key: impl Into<String>, secret: impl Into<String>) -> Self {
        if !cfg!(debug_assertions) {
            log::error!(
                "THIS BUILD SIGNS WITH THE APP'S SECRET (LocalAuthorizer): everybody who has the game can read the secret. Do not ship it."
            );
        }
        Self {
            credentials: AppCredentials::new(key, secret),
            user: None,
            master_key: None,
        }
    }

    /// Sets who the player is, on presence channels and when signing in. `info` is what others see; `null` means none.
    #[must_use]
    pub fn with_user(mut self, id: impl Into<String>, info: impl Into<Value>) -> Self {
        self.user = Some(User {
            id: id.into(),
            info: info.into(),
            watchlist: Vec::new(),
        });
        self
    }

    /// Sets the player's watchlist: the ids of the users whose presence the server reports while the player is signed in. Does nothing
    /// without a [user](Self::with_user).
    #[must_use]
    pub fn with_watchlist(mut self, ids: impl IntoIterator<Item = impl Into<String>>) -> Self {
        if let Some(user) = &mut self.user {
            user.watchlist = ids.into_iter().map(Into::into).collect();
        }
        self
    }

    /// Sets the key of encrypted channels: what the server libraries call `encryptionMasterKeyBase64`, decoded.
    #[must_use]
    pub fn with_encryption_master_key(mut self, key: [u8; 32]) -> Self {
        self.master_key = Some(key);
        self
    }

    fn channel(&self, request: &AuthRequest) -> Result<ChannelAuthorization, AuthError> {
        let (channel, socket_id) = (request.channel(), request.socket_id());
        let sign = |data: Option<&str>| {
            let auth = self.credentials.authorize_channel(socket_id, channel, data);
            auth.map(ChannelAuthorization::new).map_err(unsigned)
        };
        if channel.starts_with("presence-") {
            let user = self.user()?;
            let data = json(&ChannelData {
                user_id: &user.id,
                user_info: &user.info,
            })?;
            return Ok(sign(Some(&data))?.with_channel_data(data));
        }
        let authorization = sign(None)?;
        if !channel.starts_with("private-encrypted-") {
            return Ok(authorization);
        }
        let master_key = self.master_key.as_ref().ok_or_else(|| {
            refused("an encrypted channel needs LocalAuthorizer::with_encryption_master_key")
        })?;
        Ok(authorization.with_shared_secret(channel_secret(channel, master_key)))
    }

    fn sign_in(&self, request: &UserAuthRequest) -> Result<UserAuthentication, AuthError> {
        let user = self.user()?;
        let data = json(&UserData {
            id: &user.id,
            user_info: &user.info,
            watchlist: &user.watchlist,
        })?;
        let auth = self
            .credentials
            .authenticate_user(request.socket_id(), &data)
            .map_err(unsigned)?;
        Ok(UserAuthentication::new(auth, data))
    }

    fn user(&self) -> Result<&User, AuthError> {
        let advice = "presence channels and signing in need LocalAuthorizer::with_user";
        self.user.as_ref().ok_or_else(|| refused(advice))
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
            .field("key", &self.credentials.key())
            .finish_non_exhaustive()
    }
}

fn json(data: &impl Serialize) -> Result<String, AuthError> {
    serde_json::to_string(data).map_err(|error| refused(&error.to_string()))
}

fn unsigned(error: SigningError) -> AuthError {
    refused(&error.to_string())
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

    #[test]
    fn errors_name_the_missing_setting_and_debug_has_no_secret() {
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
