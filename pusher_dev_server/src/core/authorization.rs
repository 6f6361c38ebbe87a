//! The responses of the auth endpoints. They sign every valid request, which is for development only.

use serde::Serialize;
use serde_json::value::RawValue;

use super::ServerCore;
use super::error::AuthorizationError;
use super::frame::encode;
use super::name::{ChannelKind, is_user_id};

/// The user that an authorization is for. In production the app's backend knows the user from its session.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// The user id.
    pub user_id: Option<String>,
    /// The public data of the user: any JSON.
    pub user_info: Option<String>,
    /// Shorthand for a `user_info` of `{"name":…}`; also the user id if `user_id` is missing.
    pub name: Option<String>,
    /// The ids of the watched users, for a sign-in.
    pub watchlist: Vec<String>,
    /// Omits `channel_data` in the response for a presence channel, so that the signed-in user becomes the member. A signed-in
    /// connection without an identity gets this response as well.
    pub is_signed_in_user: bool,
}

/// The response of the endpoint that authorizes channels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ChannelAuthorization {
    /// `KEY:SIGNATURE`.
    pub auth: String,
    /// The data of the member of a presence channel: JSON as a string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_data: Option<String>,
    /// The shared secret of an encrypted channel, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared_secret: Option<String>,
}

/// The response of the endpoint that authenticates users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UserAuthentication {
    /// `KEY:SIGNATURE`.
    pub auth: String,
    /// The data of the user: JSON as a string.
    pub user_data: String,
}

impl ServerCore {
    /// Authorizes a connection to subscribe to a private or presence channel.
    ///
    /// # Errors
    /// The socket id, the channel or the identity is invalid.
    pub fn authorize_channel(
        &self,
        socket_id: &str,
        channel: &str,
        identity: &Identity,
    ) -> Result<ChannelAuthorization, AuthorizationError> {
        check_socket_id(socket_id)?;
        let app = &self.config.app;
        let mut authorization = ChannelAuthorization {
            auth: String::new(),
            channel_data: None,
            shared_secret: None,
        };
        match ChannelKind::of(channel) {
            Some(ChannelKind::Private) => {}
            Some(ChannelKind::Encrypted) => {
                authorization.shared_secret = Some(
                    self.config
                        .encryption_master_key
                        .shared_secret_base64(channel),
                );
            }
            Some(ChannelKind::Presence) => {
                let is_anonymous = identity.user_id.is_none() && identity.name.is_none();
                let is_signed_in = identity.is_signed_in_user
                    || (is_anonymous && self.signed_in_user(socket_id).is_some());
                if !is_signed_in {
                    authorization.channel_data = Some(identity.channel_data(socket_id)?);
                }
            }
            Some(ChannelKind::Public | ChannelKind::User(_)) | None => {
                return Err(AuthorizationError::InvalidChannel(channel.to_owned()));
            }
        }
        authorization.auth =
            app.sign_channel(socket_id, channel, authorization.channel_data.as_deref());
        Ok(authorization)
    }

    /// Authenticates a connection as a user.
    ///
    /// # Errors
    /// The socket id or the identity is invalid.
    pub fn authenticate_user(
        &self,
        socket_id: &str,
        identity: &Identity,
    ) -> Result<UserAuthentication, AuthorizationError> {
        check_socket_id(socket_id)?;
        let user_data = identity.user_data(socket_id)?;
        Ok(UserAuthentication {
            auth: self.config.app.sign_user(socket_id, &user_data),
            user_data,
        })
    }
}

impl Identity {
    fn channel_data(&self, socket_id: &str) -> Result<String, AuthorizationError> {
        #[derive(Serialize)]
        struct ChannelData {
            user_id: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            user_info: Option<Box<RawValue>>,
        }
        Ok(encode(&ChannelData {
            user_id: self.id(socket_id)?,
            user_info: self.info()?,
        }))
    }

    fn user_data(&self, socket_id: &str) -> Result<String, AuthorizationError> {
        #[derive(Serialize)]
        struct UserData<'a> {
            id: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            user_info: Option<Box<RawValue>>,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            watchlist: &'a [String],
        }
        Ok(encode(&UserData {
            id: self.id(socket_id)?,
            user_info: self.info()?,
            watchlist: &self.watchlist,
        }))
    }

    /// Returns the user id. Without an identity it is a guest id made of the socket id, so that two guests differ.
    fn id(&self, socket_id: &str) -> Result<String, AuthorizationError> {
        let id = match (&self.user_id, &self.name) {
            (Some(id), _) | (None, Some(id)) => id.clone(),
            (None, None) => format!("guest-{}", socket_id.replace('.', "-")),
        };
        if is_user_id(&id) {
            Ok(id)
        } else {
            let message = format!("`{id}` is not a valid user id: it must have 1 to 128 bytes");
            Err(AuthorizationError::InvalidIdentity(message))
        }
    }

    fn info(&self) -> Result<Option<Box<RawValue>>, AuthorizationError> {
        #[derive(Serialize)]
        struct Named<'a> {
            name: &'a str,
        }
        let text = match (&self.user_info, &self.name) {
            (Some(info), _) => info.clone(),
            (None, Some(name)) => encode(&Named { name }),
            (None, None) => return Ok(None),
        };
        RawValue::from_string(text).map(Some).map_err(|error| {
            AuthorizationError::InvalidIdentity(format!("`user_info` is not JSON: {error}"))
        })
    }
}

fn check_socket_id(socket_id: &str) -> Result<(), AuthorizationError> {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_valid = socket_id
        .split_once('.')
        .is_some_and(|(first, second)| is_digits(first) && is_digits(second));
    if is_valid {
        Ok(())
    } else {
        Err(AuthorizationError::InvalidSocketId(socket_id.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::test_support::TestCore;

    #[test]
    fn authorization_allows_its_connection_to_subscribe() {
        let mut server = TestCore::new();
        let client = server.connected();
        let socket_id = server.socket_id(client);
        let identity = Identity {
            name: Some("Ann".to_owned()),
            ..Identity::default()
        };
        for channel in ["private-a", "private-encrypted-a", "presence-a"] {
            let authorization = server
                .core
                .authorize_channel(&socket_id, channel, &identity)
                .unwrap();
            let mut data = serde_json::to_value(&authorization).unwrap();
            data["channel"] = channel.into();
            server.subscribe_with(client, data);
            assert_eq!(
                server.frame(client)["event"],
                "pusher_internal:subscription_succeeded",
                "{channel}"
            );
        }
        assert_eq!(server.core.members("presence-a"), ["Ann"]);
    }

    #[test]
    fn only_encrypted_channels_get_a_shared_secret() {
        let server = TestCore::new();
        for (channel, expected) in [("private-encrypted-a", true), ("private-a", false)] {
            let authorization = server
                .core
                .authorize_channel("1.2", channel, &Identity::default());
            assert_eq!(authorization.unwrap().shared_secret.is_some(), expected);
        }
    }

    #[test]
    fn signed_in_connection_needs_no_channel_data() {
        let mut server = TestCore::new();
        let client = server.connected();
        let socket_id = server.socket_id(client);
        let authorize = |server: &TestCore, identity: &Identity| {
            server
                .core
                .authorize_channel(&socket_id, "presence-a", identity)
                .unwrap()
                .channel_data
        };
        let anonymous = Identity::default();
        assert!(authorize(&server, &anonymous).unwrap().contains("guest-"));
        server.sign_in(client, r#"{"id":"a"}"#);
        assert_eq!(authorize(&server, &anonymous), None);
        let named = Identity {
            user_id: Some("b".to_owned()),
            ..Identity::default()
        };
        assert_eq!(
            authorize(&server, &named).as_deref(),
            Some(r#"{"user_id":"b"}"#)
        );
    }

    #[test]
    fn invalid_authorization_requests_are_refused() {
        let server = TestCore::new();
        let authorize = |socket_id: &str, channel: &str, identity: &Identity| {
            server.core.authorize_channel(socket_id, channel, identity)
        };
        let anonymous = Identity::default();
        for socket_id in ["", "1", "1.", ".1", "a.b", "1.2.3", "1.2:private-b"] {
            assert!(
                authorize(socket_id, "private-a", &anonymous).is_err(),
                "{socket_id}"
            );
        }
        for channel in ["", "news", "#server-to-user-a", "private-a b"] {
            assert!(authorize("1.2", channel, &anonymous).is_err(), "{channel}");
        }
        let bad_info = Identity {
            user_info: Some("{".to_owned()),
            ..Identity::default()
        };
        assert!(authorize("1.2", "presence-a", &bad_info).is_err());
    }
}
