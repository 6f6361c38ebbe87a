//! The model between the keys, the network and the view: pending invitations, the room, and the user's requests.

use bevy::prelude::*;
use pusher_scenes::{
    connection::ConnectionSystems,
    invitations::Invitation,
    player::{Player, Selected},
};

/// A friend, with the index in the list.
#[derive(Component, Clone, Copy, Debug)]
pub(crate) struct Friend(pub(crate) usize);

/// The received invitations that wait for an answer, the oldest first.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PendingInvitations(pub(crate) Vec<Invitation>);

/// The names of those who have been invited and have not answered yet.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SentInvitations(pub(crate) Vec<String>);

/// The room that the local player is in.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CurrentRoom(pub(crate) Option<Room>);

/// A private room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// The entity of the channel.
    pub(crate) entity: Entity,
    /// The name of the channel.
    pub(crate) channel: String,
    /// The name of the other player.
    pub(crate) with: String,
}

/// A request of the user.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Moves the selection down by this many rows; up if negative.
    #[cfg_attr(
        not(feature = "windowed"),
        expect(dead_code, reason = "sent by keys, which need a window")
    )]
    Choose(isize),
    /// Invites the selected friend.
    Invite,
    /// Accepts the oldest invitation.
    Accept,
    /// Declines the oldest invitation.
    Decline,
    /// Leaves the room.
    Leave,
    /// Sends this chat message in the room.
    Say(String),
}

/// The systems that use the network; in `Update`.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NetworkSystems;

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<PendingInvitations>()
        .init_resource::<SentInvitations>()
        .init_resource::<CurrentRoom>()
        .add_message::<Request>()
        .add_systems(
            Update,
            (
                select_friend
                    .after(ConnectionSystems)
                    .before(NetworkSystems),
                describe_friends.after(NetworkSystems),
            ),
        );
}

fn select_friend(
    mut commands: Commands,
    mut requests: MessageReader<Request>,
    friends: Query<(Entity, &Friend, Has<Selected>)>,
) {
    let mut rows: Vec<_> = friends.iter().collect();
    rows.sort_unstable_by_key(|(_, friend, _)| friend.0);
    let selected = rows.iter().position(|(.., is_selected)| *is_selected);
    let step: isize = requests
        .read()
        .map(|request| match request {
            Request::Choose(step) => *step,
            _ => 0,
        })
        .sum();
    let wanted = match selected {
        Some(_) if step == 0 => return,
        Some(selected) => selected.saturating_add_signed(step),
        None => 0,
    };
    let wanted = wanted.min(rows.len().saturating_sub(1));
    for (index, (entity, _, is_selected)) in rows.into_iter().enumerate() {
        if index == wanted && !is_selected {
            commands.entity(entity).insert(Selected);
        } else if index != wanted && is_selected {
            commands.entity(entity).remove::<Selected>();
        }
    }
}

/// Describes each friend's state in the roster.
fn describe_friends(
    invited: Res<SentInvitations>,
    room: Res<CurrentRoom>,
    mut friends: Query<&mut Player>,
) {
    for mut friend in friends.iter_mut().filter(|player| !player.is_you) {
        let is_here = room.0.as_ref().is_some_and(|room| room.with == friend.name);
        let doing = if friend.is_offline {
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
