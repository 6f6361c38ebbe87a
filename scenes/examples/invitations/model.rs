//! What the scene knows of invitations and rooms, and what the person wants: the seam between what one sees and the network.

use bevy::prelude::*;
use pusher_scenes::{
    invitations::Invitation,
    link::LinkSystems,
    player::{Chosen, Player},
};

/// A friend, and the place in the list.
#[derive(Component, Clone, Copy, Debug)]
pub(crate) struct Friend(pub(crate) usize);

/// An invitation that waits for one's answer; the older ones first.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pending(pub(crate) Vec<Invitation>);

/// Those whom one has invited and who have not answered.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Invited(pub(crate) Vec<String>);

/// The room that one is in.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CurrentRoom(pub(crate) Option<Room>);

/// A private room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// The entity of its channel.
    pub(crate) entity: Entity,
    /// The channel's name.
    pub(crate) channel: String,
    /// Who else is there.
    pub(crate) with: String,
}

/// What the person wants.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Choose the friend so many rows further down.
    #[cfg_attr(not(feature = "windowed"), expect(dead_code, reason = "takes keys"))]
    Choose(isize),
    /// Invite the chosen friend.
    Invite,
    /// Accept the oldest invitation.
    Accept,
    /// Decline the oldest invitation.
    Decline,
    /// Leave the room.
    Leave,
    /// Say this in the room.
    Say(String),
}

/// When the news have been read; in `Update`.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NetworkSystems;

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<Pending>()
        .init_resource::<Invited>()
        .init_resource::<CurrentRoom>()
        .add_message::<Wish>()
        .add_systems(
            Update,
            (
                choose.after(LinkSystems).before(NetworkSystems),
                describe_friends.after(NetworkSystems),
            ),
        );
}

fn choose(
    mut commands: Commands,
    mut wishes: MessageReader<Wish>,
    friends: Query<(Entity, &Friend, Has<Chosen>)>,
) {
    let mut rows: Vec<_> = friends.iter().collect();
    rows.sort_unstable_by_key(|(_, friend, _)| friend.0);
    let chosen = rows.iter().position(|(.., is_chosen)| *is_chosen);
    let step: isize = wishes
        .read()
        .map(|wish| match wish {
            Wish::Choose(step) => *step,
            _ => 0,
        })
        .sum();
    let wanted = match chosen {
        Some(_) if step == 0 => return,
        Some(chosen) => chosen.saturating_add_signed(step),
        None => 0,
    };
    let wanted = wanted.min(rows.len().saturating_sub(1));
    for (index, (entity, _, is_chosen)) in rows.into_iter().enumerate() {
        if index == wanted && !is_chosen {
            commands.entity(entity).insert(Chosen);
        } else if index != wanted && is_chosen {
            commands.entity(entity).remove::<Chosen>();
        }
    }
}

/// Says of each friend how far one is with them.
fn describe_friends(
    invited: Res<Invited>,
    room: Res<CurrentRoom>,
    mut friends: Query<&mut Player>,
) {
    for mut friend in friends.iter_mut().filter(|player| !player.is_you) {
        let is_here = room.0.as_ref().is_some_and(|room| room.with == friend.name);
        let doing = if friend.is_away {
            "offline"
        } else if is_here {
            "in the room with you"
        } else if invited.0.contains(&friend.name) {
            "invited, no answer yet"
        } else {
            "online"
        };
        if friend.doing != doing {
            friend.doing = doing.to_owned();
        }
    }
}
