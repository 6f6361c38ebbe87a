//! What the clients of a lobby and its server say to each other.

mod players;

pub use players::{LOBBY_PLAYERS, lobby_company};

use serde::{Deserialize, Serialize};

/// The channel that says who is here, and on which the players talk.
pub const LOBBY_CHANNEL: &str = "presence-lobby";

/// The public channel of the server's news.
pub const NEWS_CHANNEL: &str = "lobby-news";

/// A player says something.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// What.
    pub text: String,
}

impl Chat {
    /// The client event's name.
    pub const EVENT: &str = "client-chat";
}

/// A player is ready, or not any more.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Whether they are.
    pub ready: bool,
}

impl Ready {
    /// The client event's name.
    pub const EVENT: &str = "client-ready";
}

/// A player invites everybody to a match.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invite {}

impl Invite {
    /// The client event's name.
    pub const EVENT: &str = "client-invite";
}

/// The server has news.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// One line.
    pub text: String,
}

impl News {
    /// The event's name.
    pub const EVENT: &str = "news";
}
