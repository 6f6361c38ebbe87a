//! All use of the Pusher plugin in this scene: the subscription, and notes about gaps. [`TableSyncPlugin`] sends and receives
//! the table.

use bevy::prelude::*;
use bevy_pusher::prelude::*;
use pusher_scenes::{
    chat_entry::ChatEntry,
    client_number::client_number,
    connection::{ConnectionPlugin, ConnectionSystems, RequiredChannel},
    server::{Identity, SceneServer},
    turns::{Seat, TABLE_CHANNEL, TableSync, TableSyncPlugin, TableSyncSystems},
    wall_clock::wall_clock,
};

/// Returns the plugin for a player with this name.
///
/// The game survives a lost connection, since each event contains the complete table ([`TableSyncPlugin`]), and events sent
/// while disconnected are queued.
pub(crate) fn plugin(server: &SceneServer, name: &str) -> impl Fn(&mut App) + use<> {
    let config = server.config(&Identity::new(name));
    let me = Seat {
        id: Seat::new_id(wall_clock(), client_number()),
        name: name.to_owned(),
    };
    move |app| {
        app.add_plugins((ConnectionPlugin::new(config.clone()), TableSyncPlugin))
            .insert_resource(TableSync::new(me.clone()))
            .configure_sets(Update, TableSyncSystems.after(ConnectionSystems))
            .add_systems(Startup, |mut commands: Commands| {
                commands.spawn((RequiredChannel, PusherChannel::new(TABLE_CHANNEL)));
            })
            .add_systems(Update, announce_gaps.before(TableSyncSystems));
    }
}

fn announce_gaps(
    mut changes: MessageReader<PusherSubscriptionChanged>,
    mut sync: ResMut<TableSync>,
    mut entries: MessageWriter<ChatEntry>,
) {
    for change in changes.read() {
        if let Some(gap) = change.gap() {
            let text = format!("Back after {:.1} s. The game continues.", gap.as_secs_f32());
            entries.write(ChatEntry::event(text));
            // Clients that know less receive the table, and a client that knows more answers with its own.
            sync.needs_send = true;
        }
    }
}
