//! Makes the [`Player`]s those whom a presence channel names.

use bevy::prelude::*;
use bevy_pusher::{Member, prelude::*};

use crate::player::{Departed, Player, PlayerInfo, RosterIsKnown};

/// On the entity of the presence channel whose members are the scene's players.
#[derive(Component, Clone, Copy, Debug)]
pub struct Seats;

/// Seats the players; in `Update`.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SeatingSystems;

/// Keeps the players in step with the members of the channel that [`Seats`] is on.
#[derive(Debug)]
pub struct SeatingPlugin;

impl Plugin for SeatingPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(Update, seat_players.in_set(SeatingSystems));
    }
}

fn seat_players(
    mut commands: Commands,
    members: Query<&PusherMembers, (With<Seats>, Changed<PusherMembers>)>,
    players: Query<(Entity, &Player), Without<Departed>>,
    mut is_known: ResMut<RosterIsKnown>,
) {
    for members in &members {
        is_known.0 |= !members.is_stale();
        for (entity, player) in &players {
            if members.get(&player.id).is_none() {
                commands.entity(entity).insert(Departed);
            }
        }
        let me = members.me().map(|me| me.id());
        let newcomers = members
            .iter()
            .filter(|member| players.iter().all(|(_, player)| player.id != member.id()));
        for member in newcomers {
            commands.spawn(Player {
                id: member.id().to_owned(),
                name: name_of(member),
                doing: member.info::<PlayerInfo>().unwrap_or_default().doing,
                is_ready: false,
                is_you: me == Some(member.id()),
                is_away: false,
            });
        }
    }
}

/// What a member is called; the id, if they do not say.
#[must_use]
pub fn name_of(member: &Member) -> String {
    match member.info::<PlayerInfo>() {
        Ok(info) if !info.name.is_empty() => info.name,
        _ => member.id().to_owned(),
    }
}
