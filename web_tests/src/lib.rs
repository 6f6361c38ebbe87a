//! The requests that a test sends to the app in its page, and the state that the app returns. Shared by both sides.

#[cfg(not(target_arch = "wasm32"))]
pub mod webdriver;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A number of milliseconds that stands for [`Duration::MAX`](std::time::Duration::MAX).
pub const FOREVER: u64 = u64::MAX;

/// A request from a test to the app.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// Start the client with this configuration, or change to it.
    Start(Box<Setup>),
    /// Subscribe to a channel by spawning its entity.
    Join(String),
    /// Unsubscribe by despawning the entity.
    Leave(String),
    /// Send a client event.
    Send {
        /// The channel.
        channel: String,
        /// The event's name.
        event: String,
        /// The data.
        data: Value,
    },
    /// Connect.
    Connect,
    /// Disconnect.
    Disconnect,
    /// Sign in.
    SignIn,
    /// Answer the pending channel authorization; with [`Authorize::ByCallback`].
    Authorize {
        /// The `auth` value of the response.
        auth: String,
        /// Its `channel_data`.
        channel_data: Option<String>,
    },
    /// Answer the pending sign-in; with [`Setup::signs_in_by_callback`].
    Authenticate {
        /// The `auth` value of the response.
        auth: String,
        /// Its `user_data`.
        user_data: String,
    },
    /// Stop the client by removing its configuration.
    End,
    /// Drop the app and create a new one.
    Drop,
    /// Return the state only.
    ReportState,
}

/// The configuration of the client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setup {
    /// The server's host.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// Whether to use TLS.
    pub tls: bool,
    /// The app key.
    pub key: String,
    /// How channels are authorized.
    pub authorize: Authorize,
    /// Whether a transport from user code carries the frames.
    pub custom_transport: bool,
    /// The endpoint that authenticates users.
    pub user_auth: Option<AuthUrl>,
    /// Whether user code authenticates users, which waits for [`Request::Authenticate`].
    pub signs_in_by_callback: bool,
    /// How long the connection may be silent before a ping, in milliseconds.
    pub activity_timeout: u64,
    /// How long to wait for the pong, in milliseconds.
    pub pong_timeout: u64,
    /// How long to wait for an authorization, in milliseconds.
    pub authorization_timeout: u64,
    /// The shortest delay before a reconnect, in milliseconds.
    pub min_delay: u64,
    /// The maximum size of a received message, in bytes.
    pub inbound_message_bytes: usize,
    /// The maximum size of the send queue, in bytes.
    pub outbound_bytes: usize,
}

/// How channels are authorized.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Authorize {
    /// Not at all: there is no endpoint.
    Never,
    /// By an HTTP request.
    ByUrl(AuthUrl),
    /// By an authorizer in user code, which waits for [`Request::Authorize`].
    ByCallback,
}

/// An endpoint of the game's backend.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AuthUrl {
    /// The URL.
    pub url: String,
    /// Headers, returned by a provider.
    pub headers: Vec<(String, String)>,
    /// Form fields.
    pub params: Vec<(String, String)>,
    /// Form fields, returned by a provider.
    pub provided_params: Vec<(String, String)>,
    /// Whether the browser sends cookies.
    pub credentials: Cookies,
}

/// Whether the browser sends cookies with authorization requests.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub enum Cookies {
    /// The default of the plugin.
    #[default]
    Default,
    /// Never.
    Omit,
    /// To other origins as well.
    Include,
}

/// The state of the app.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// The number of frames so far.
    pub frames: u64,
    /// The socket id, while connected.
    pub socket_id: Option<String>,
    /// The members of each presence channel.
    pub members: BTreeMap<String, Vec<String>>,
    /// The log: one short text per event, in order.
    pub log: Vec<String>,
    /// The channel and the socket id of the pending authorization, with [`Authorize::ByCallback`].
    pub pending_authorization: Option<(String, String)>,
    /// The socket id of the pending sign-in, with [`Setup::signs_in_by_callback`].
    pub pending_sign_in: Option<String>,
}
