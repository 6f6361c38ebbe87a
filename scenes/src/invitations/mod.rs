//! What friends and the server say to each other about invitations.

mod friends;

pub use friends::{FRIENDS, invitation_company};

use serde::{Deserialize, Serialize};

/// What a room's channel is called, before what is its own.
pub const ROOM_PREFIX: &str = "private-room-";

/// Somebody invites a user. The backend sends it to that user alone.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Who invites.
    pub from: String,
    /// To what.
    pub game: String,
    /// The channel to meet on.
    pub room: String,
}

impl Invitation {
    /// The user event's name.
    pub const EVENT: &str = "invitation";
}

/// The answer to an invitation. The backend sends it to the one who invited.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Who answers.
    pub from: String,
    /// The invitation's channel.
    pub room: String,
    /// Whether they come.
    pub accepted: bool,
    /// In their own words; may be empty.
    pub words: String,
}

impl Answer {
    /// The user event's name.
    pub const EVENT: &str = "answer";
}

/// Somebody says something in a room.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Say {
    /// Who, as they say: on a private channel the server vouches for nobody.
    pub from: String,
    /// What.
    pub text: String,
}

impl Say {
    /// The client event's name.
    pub const EVENT: &str = "client-say";
}
