//! The model between the keys, the network and the view: the leaderboard, gained points, and the user's requests.

use bevy::prelude::*;
use pusher_scenes::{chat_entry::ChatEntry, leaderboard::Board};

/// What is known of the leaderboard.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum BoardState {
    /// Nothing has been received yet.
    #[default]
    Unknown,
    /// The server has reported that the cache is empty.
    Empty,
    /// The current leaderboard.
    Known(Board),
}

/// A racer has gained points.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gain {
    /// The racer's name.
    pub(crate) name: String,
    /// The points gained.
    pub(crate) points: u32,
    /// The new rank, counted from 1.
    pub(crate) rank: usize,
}

/// A request of the user.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Adds points for the local player.
    Score,
    /// Leaves the channel, and subscribes again a moment later.
    RejoinLate,
}

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<BoardState>()
        .add_message::<Gain>()
        .add_message::<Request>()
        .add_systems(PostUpdate, announce_gains);
}

impl BoardState {
    /// Returns the leaderboard, if it is known.
    pub(crate) fn board(&self) -> Option<&Board> {
        match self {
            Self::Known(board) => Some(board),
            Self::Unknown | Self::Empty => None,
        }
    }
}

/// Returns who has more points on the second board than on the first.
pub(crate) fn gains(before: &Board, now: &Board) -> Vec<Gain> {
    let standings = now.standings.iter().enumerate();
    standings
        .filter_map(|(index, standing)| {
            let had = before.points_of(&standing.name).unwrap_or(0);
            let points = standing.points.checked_sub(had).filter(|won| *won > 0)?;
            Some(Gain {
                name: standing.name.clone(),
                points,
                rank: index + 1,
            })
        })
        .collect()
}

fn announce_gains(mut gains: MessageReader<Gain>, mut entries: MessageWriter<ChatEntry>) {
    for gain in gains.read() {
        let text = format!("+{}, place {}", gain.points, gain.rank);
        entries.write(ChatEntry::action(gain.name.clone(), text));
    }
}
