//! The events of the scene `invitations`, and its simulated friends.

mod friends;

pub use friends::{FRIENDS, start_friends};

use serde::{Deserialize, Serialize};

/// The prefix of a room's channel name.
pub const ROOM_PREFIX: &str = "private-room-";

/// An invitation to a game. The backend sends it to the invited user only.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The user who invites.
    pub from: String,
    /// The game.
    pub game: String,
    /// The channel of the private room.
    pub room: String,
}

impl Invitation {
    /// The name of the user event.
    pub const EVENT: &str = "invitation";
}

/// The answer to an invitation. The backend sends it to the user who invited.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The user who answers.
    pub from: String,
    /// The channel from the invitation.
    pub room: String,
    /// Whether the invitation is accepted.
    pub accepted: bool,
    /// A comment; may be empty.
    pub words: String,
}

impl Answer {
    /// The name of the user event.
    pub const EVENT: &str = "answer";
}

/// A chat message in a room.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Say {
    /// The sender, as claimed by the client: on a private channel the server does not verify it.
    pub from: String,
    /// The text.
    pub text: String,
}

impl Say {
    /// The name of the client event.
    pub const EVENT: &str = "client-say";
}
