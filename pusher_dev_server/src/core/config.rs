//! The configuration of the core: its app, its secrets and its limits.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The credentials of the app that a server serves.
#[derive(Clone, PartialEq, Eq)]
pub struct App {
    /// Identifies the app in the HTTP API: `/apps/{id}/…`.
    pub id: String,
    /// Identifies the app in the WebSocket URL. Not a secret.
    pub key: String,
    /// Signs authorizations and requests to the HTTP API.
    pub secret: String,
}

impl Default for App {
    /// Returns `app-id`, `app-key` and `app-secret`. They are public, so use them for development only.
    fn default() -> Self {
        Self {
            id: "app-id".to_owned(),
            key: "app-key".to_owned(),
            secret: "app-secret".to_owned(),
        }
    }
}

impl fmt::Debug for App {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("App")
            .field("id", &self.id)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// The key from which the shared secret of every encrypted channel is derived.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EncryptionMasterKey(pub [u8; 32]);

impl EncryptionMasterKey {
    /// Parses the base64 form that server libraries use (`encryptionMasterKeyBase64`). Returns `None` unless it holds 32 bytes.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// Returns the base64 form that server libraries use.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }
}

impl Default for EncryptionMasterKey {
    /// Returns the bytes 0 to 31. They are public, so use them for development only.
    fn default() -> Self {
        Self(std::array::from_fn(|index| {
            u8::try_from(index).unwrap_or_default()
        }))
    }
}

impl fmt::Debug for EncryptionMasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("EncryptionMasterKey(…)")
    }
}

/// The configuration of a [`ServerCore`](super::ServerCore).
#[derive(Clone, Debug)]
pub struct CoreConfig {
    /// The app to serve.
    pub app: App,
    /// The master key for `private-encrypted-` channels.
    pub encryption_master_key: EncryptionMasterKey,
    /// The time without traffic after which a client sends a ping. Sent to clients in whole seconds, at least one.
    pub activity_timeout: Duration,
    /// Whether channels other than presence channels send `pusher_internal:subscription_count`.
    pub subscription_count: bool,
    /// Whether clients may send events to each other.
    pub client_events: bool,
    /// The limits for clients and publishers.
    pub limits: CoreLimits,
    /// Whether every received frame is reported as
    /// [`ServerEvent::FrameReceived`](super::ServerEvent::FrameReceived).
    pub report_frames: bool,
    /// The seed of socket ids and nonces: random for a real server, fixed for a reproducible test.
    pub seed: [u8; 32],
}

impl Default for CoreConfig {
    fn default() -> Self {
        Self {
            app: App::default(),
            encryption_master_key: EncryptionMasterKey::default(),
            activity_timeout: Duration::from_secs(120),
            subscription_count: false,
            client_events: true,
            limits: CoreLimits::default(),
            report_frames: false,
            seed: [0; 32],
        }
    }
}

/// Limits for clients and publishers. The defaults are those that the hosted service documents, unless noted otherwise.
#[derive(Clone, Debug)]
pub struct CoreLimits {
    /// Client events per second and connection; more are refused with error 4301. Default 10.
    pub client_events_per_second: u32,
    /// Size of a client event's data. Default 10,240 bytes.
    pub client_event_bytes: usize,
    /// Size of a published event's data. Default 10,240 bytes.
    pub event_bytes: usize,
    /// Size of a frame from a client; a larger one closes the connection with 1009. Default 102,400 bytes (not from the hosted service).
    pub message_bytes: usize,
    /// Members of a presence channel. Default 100.
    pub presence_members: usize,
    /// Size of a member's `user_info`. Default 1,024 bytes.
    pub user_info_bytes: usize,
    /// Users on a watchlist; further users are ignored and reported with error 4302. Default 100.
    pub watchlist_users: usize,
    /// How long a cache channel keeps its last event. Default 30 minutes.
    pub cached_event_age: Duration,
}

impl Default for CoreLimits {
    fn default() -> Self {
        Self {
            client_events_per_second: 10,
            client_event_bytes: 10_240,
            event_bytes: 10_240,
            message_bytes: 102_400,
            presence_members: 100,
            user_info_bytes: 1_024,
            watchlist_users: 100,
            cached_event_age: Duration::from_secs(30 * 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_no_secret() {
        let text = format!("{:?}", CoreConfig::default());
        assert!(!text.contains("app-secret"), "{text}");
        assert!(text.contains("EncryptionMasterKey(…)"), "{text}");
    }

    #[test]
    fn a_master_key_must_hold_32_bytes() {
        let key = EncryptionMasterKey::default();
        assert_eq!(
            EncryptionMasterKey::from_base64(&key.to_base64()),
            Some(key)
        );
        assert_eq!(EncryptionMasterKey::from_base64("AAEC"), None);
        assert_eq!(EncryptionMasterKey::from_base64("no base64!"), None);
    }
}
