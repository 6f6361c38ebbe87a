//! The channels and events of the scene `lobby`, and its simulated players.

mod players;

pub use players::{LOBBY_PLAYERS, start_lobby_players};

use serde::{Deserialize, Serialize};

/// The presence channel of the lobby.
pub const LOBBY_CHANNEL: &str = "presence-lobby";

/// The public channel of the server's news.
pub const NEWS_CHANNEL: &str = "lobby-news";

/// A chat message.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// The text.
    pub text: String,
}

impl Chat {
    /// The name of the client event.
    pub const EVENT: &str = "client-chat";
}

/// A player's answer to the ready check.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Whether the player is ready.
    pub ready: bool,
}

impl Ready {
    /// The name of the client event.
    pub const EVENT: &str = "client-ready";
}

/// An invitation of everybody to a match.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invite {}

impl Invite {
    /// The name of the client event.
    pub const EVENT: &str = "client-invite";
}

/// News from the server.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The text, in one line.
    pub text: String,
}

impl News {
    /// The name of the event.
    pub const EVENT: &str = "news";
}
