//! What a test says to the game in its page, and what the game answers. Both sides are made of this.

#[cfg(not(target_arch = "wasm32"))]
pub mod webdriver;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// In place of milliseconds: the longest [`Duration`](std::time::Duration) there is.
pub const FOREVER: u64 = u64::MAX;

/// What a test asks of the game.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// Start with this configuration, or go over to it.
    Start(Box<Setup>),
    /// Spawn a channel.
    Join(String),
    /// Despawn it.
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
    /// Answer the channel authorization that waits, in the mode [`Authorize::ByCode`].
    Authorize {
        /// The `auth` of the answer.
        auth: String,
        /// Its `channel_data`.
        channel_data: Option<String>,
    },
    /// Answer the sign-in that waits, in the mode [`Setup::signs_in_by_code`].
    Authenticate {
        /// The `auth` of the answer.
        auth: String,
        /// Its `user_data`.
        user_data: String,
    },
    /// End the client, by taking its configuration away.
    End,
    /// Drop the whole app, and make another one.
    Drop,
    /// Tell how things are.
    Tell,
}

/// How the game's client is set up.
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
    /// Whether a transport of the game's own carries the frames.
    pub own_transport: bool,
    /// Where users are authenticated.
    pub user_auth: Option<AuthUrl>,
    /// Whether they are by code of the game's own, which waits for [`Request::Authenticate`].
    pub signs_in_by_code: bool,
    /// Silence after which the link is checked, in milliseconds.
    pub activity_timeout: u64,
    /// For an answer to that, in milliseconds.
    pub pong_timeout: u64,
    /// For an authorization, in milliseconds.
    pub authorization_timeout: u64,
    /// The shortest delay before dialling again, in milliseconds.
    pub min_delay: u64,
    /// The largest message taken, in bytes.
    pub inbound_message_bytes: usize,
    /// What may wait to be sent, in bytes.
    pub outbound_bytes: usize,
}

/// How channels are authorized.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Authorize {
    /// Not at all.
    Never,
    /// By HTTP.
    ByUrl(AuthUrl),
    /// By an authorizer of the game's own, which waits for [`Request::Authorize`].
    ByCode,
}

/// An endpoint of the game's backend.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AuthUrl {
    /// Its URL.
    pub url: String,
    /// Headers, handed over by a provider.
    pub headers: Vec<(String, String)>,
    /// Fields of the form.
    pub params: Vec<(String, String)>,
    /// More of them, handed over by a provider.
    pub provided_params: Vec<(String, String)>,
    /// Which of the browser's credentials go along.
    pub credentials: Cookies,
}

/// Which of the browser's credentials go along.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub enum Cookies {
    /// What the plugin does by itself.
    #[default]
    Unsaid,
    /// None.
    Omitted,
    /// To another origin, too.
    Included,
}

/// How things are with the game.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// How many frames it has had.
    pub frames: u64,
    /// The connection's name, while connected.
    pub socket_id: Option<String>,
    /// The members of each presence channel.
    pub members: BTreeMap<String, Vec<String>>,
    /// What it was told, in order, in short words.
    pub told: Vec<String>,
    /// The channel and the connection of the authorization that waits, in the mode [`Authorize::ByCode`].
    pub asked: Option<(String, String)>,
    /// The connection of the sign-in that waits, in the mode [`Setup::signs_in_by_code`].
    pub asked_for_user: Option<String>,
}
