//! The table's dealings with the network: everything that uses the plugin.

use bevy::prelude::*;
use bevy_pusher::prelude::*;
use pusher_scenes::{
    entry::ChatEntry,
    link::{LinkPlugin, LinkSystems, Needed},
    server::{Identity, SceneServer},
    turns::{Seat, Sitting, SittingPlugin, SittingSystems, TABLE_CHANNEL},
    wall_clock::wall_clock,
};

/// The table, for a person of this name.
///
/// What makes the game survive a loss: every event holds all that a client knows ([`SittingPlugin`]), and what is said
/// while there is no connection waits for the next one.
pub(crate) fn plugin(server: &SceneServer, name: &str) -> impl Fn(&mut App) + use<> {
    let config = server.config(&Identity::new(name));
    let me = Seat {
        // On a private channel nobody has an id of the server's: the time makes one, so that whoever came first has the lower.
        id: wall_clock(),
        name: name.to_owned(),
    };
    move |app| {
        app.add_plugins((LinkPlugin::new(config.clone()), SittingPlugin))
            .insert_resource(Sitting::new(me.clone()))
            .configure_sets(Update, SittingSystems.after(LinkSystems))
            .add_systems(Startup, |mut commands: Commands| {
                commands.spawn((Needed, PusherChannel::new(TABLE_CHANNEL)));
            })
            .add_systems(Update, tell_of_gaps.before(SittingSystems));
    }
}

fn tell_of_gaps(
    mut changes: MessageReader<PusherSubscriptionChanged>,
    mut sitting: ResMut<Sitting>,
    mut entries: MessageWriter<ChatEntry>,
) {
    for change in changes.read() {
        if let Some(gap) = change.gap() {
            let words = format!("Back after {:.1} s. The game goes on.", gap.as_secs_f32());
            entries.write(ChatEntry::happened(words));
            // Who knows less is told, and who knows more answers.
            sitting.has_news = true;
        }
    }
}
