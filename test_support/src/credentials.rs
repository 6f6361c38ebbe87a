//! The app that the test servers serve.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use pusher_protocol::server;

/// An app's key and secrets. [`pusher_protocol::server`] computes the signatures.
#[derive(Debug, Clone)]
pub struct AppCredentials {
    /// The public key.
    pub key: String,
    /// The secret for signatures.
    pub secret: String,
    /// The master key of encrypted channels.
    pub master_key: [u8; 32],
}

impl AppCredentials {
    /// Returns the credentials of the app that [`Sockudo`](crate::Sockudo) is started with.
    pub fn for_tests() -> Self {
        Self {
            key: "app-key".into(),
            secret: "app-secret".into(),
            master_key: *b"a master key of 32 bytes for it.",
        }
    }

    /// Returns the `auth` for a private, encrypted or presence channel.
    #[track_caller]
    pub fn channel_auth(
        &self,
        socket_id: &str,
        channel: &str,
        channel_data: Option<&str>,
    ) -> String {
        self.signer()
            .authorize_channel(socket_id, channel, channel_data)
            .unwrap_or_else(|error| panic!("{channel:?} cannot be authorized: {error}"))
    }

    /// Returns the `auth` for a sign-in.
    #[track_caller]
    pub fn user_auth(&self, socket_id: &str, user_data: &str) -> String {
        self.signer()
            .authenticate_user(socket_id, user_data)
            .unwrap_or_else(|error| panic!("{user_data:?} cannot be authenticated: {error}"))
    }

    /// Returns the key of an encrypted channel, in base64.
    pub fn shared_secret(&self, channel: &str) -> String {
        server::channel_secret(channel, &self.master_key)
    }

    /// Returns the master key in base64, the form that server libraries accept.
    pub fn master_key_base64(&self) -> String {
        BASE64.encode(self.master_key)
    }

    pub(crate) fn signer(&self) -> server::AppCredentials {
        server::AppCredentials::new(&self.key, &self.secret)
    }
}
