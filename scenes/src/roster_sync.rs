//! Keeps the [`Player`] entities in sync with the members of a presence channel.

use bevy::prelude::*;
use bevy_pusher::{Member, prelude::*};

use crate::player::{Departed, Player, PlayerInfo, RosterIsKnown};

/// Marks the entity of the presence channel whose members are the scene's players.
#[derive(Component, Clone, Copy, Debug)]
pub struct RosterChannel;

/// The systems of [`RosterSyncPlugin`], in `Update`.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RosterSyncSystems;

/// Spawns a [`Player`] for each member of the channel marked with [`RosterChannel`], and marks those who left as [`Departed`].
#[derive(Debug)]
pub struct RosterSyncPlugin;

impl Plugin for RosterSyncPlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(Update, sync_players.in_set(RosterSyncSystems));
    }
}

fn sync_players(
    mut commands: Commands,
    members: Query<&PusherMembers, (With<RosterChannel>, Changed<PusherMembers>)>,
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
                name: member_name(member),
                doing: member.info::<PlayerInfo>().unwrap_or_default().doing,
                is_ready: false,
                is_you: me == Some(member.id()),
                is_offline: false,
            });
        }
    }
}

/// Returns a member's display name, or the user id if there is none.
#[must_use]
pub fn member_name(member: &Member) -> String {
    match member.info::<PlayerInfo>() {
        Ok(info) if !info.name.is_empty() => info.name,
        _ => member.id().to_owned(),
    }
}
