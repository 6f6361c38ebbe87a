//! What the scene knows of the race, and what the person wants: the seam between what one sees and the network.

use bevy::prelude::*;
use pusher_scenes::{entry::ChatEntry, leaderboard::Board};

/// What is known of the race.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Track {
    /// Nothing yet.
    #[default]
    Unknown,
    /// The server has said that there is no board yet.
    Empty,
    /// The board as it is.
    Known(Board),
}

/// Somebody won points.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gain {
    /// Who.
    pub(crate) name: String,
    /// How many.
    pub(crate) points: u32,
    /// Counted from 1.
    pub(crate) rank: usize,
}

/// What the person wants.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Points for oneself.
    Score,
    /// To leave, and to join again in the middle of the race.
    ComeLate,
}

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<Track>()
        .add_message::<Gain>()
        .add_message::<Wish>()
        .add_systems(PostUpdate, tell_gains);
}

impl Track {
    /// The board, as far as it is known.
    pub(crate) fn board(&self) -> Option<&Board> {
        match self {
            Self::Known(board) => Some(board),
            Self::Unknown | Self::Empty => None,
        }
    }
}

/// What the second board has that the first had not.
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

fn tell_gains(mut gains: MessageReader<Gain>, mut entries: MessageWriter<ChatEntry>) {
    for gain in gains.read() {
        let words = format!("+{}, place {}", gain.points, gain.rank);
        entries.write(ChatEntry::did(gain.name.clone(), words));
    }
}
