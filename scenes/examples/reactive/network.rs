//! All use of the Pusher plugin in this scene: receives headlines, and publishes one through the backend.

use bevy::prelude::*;
use bevy_pusher::prelude::*;
use pusher_scenes::{
    backend::{Backend, To},
    chat_entry::ChatEntry,
    connection::{ConnectionPlugin, ConnectionSystems, RequiredChannel},
    reactive::{Headline, NEWS_CHANNEL},
    server::{Identity, SceneServer},
};

use crate::model::{FrameStats, Publish};

/// The local player's name.
#[derive(Resource, Clone)]
struct OwnName(String);

/// Returns the plugin for a player with this name.
pub(crate) fn plugin(server: &SceneServer, name: &str) -> impl Fn(&mut App) + use<> {
    let config = server.config(&Identity::new(name));
    let me = OwnName(name.to_owned());
    move |app| {
        app.add_plugins(ConnectionPlugin::new(config.clone()).without_checks())
            .insert_resource(me.clone())
            .add_pusher_event::<Headline>(Headline::EVENT)
            .add_systems(Startup, |mut commands: Commands| {
                commands.spawn((RequiredChannel, PusherChannel::new(NEWS_CHANNEL)));
            })
            .add_systems(
                Update,
                (receive_headlines, publish)
                    .chain()
                    .after(ConnectionSystems),
            );
    }
}

/// Reads the events. Nothing special is needed for those that have woken the app.
pub(crate) fn receive_headlines(
    mut headlines: MessageReader<PusherEvent<Headline>>,
    mut stats: ResMut<FrameStats>,
    mut entries: MessageWriter<ChatEntry>,
) {
    for headline in headlines.read() {
        stats.events += 1;
        let Headline { from, text } = headline.data();
        entries.write(ChatEntry::action(from.clone(), text.clone()));
    }
}

/// Publishes through the backend, since clients cannot send on a public channel.
fn publish(mut requests: MessageReader<Publish>, backend: Res<Backend>, me: Res<OwnName>) {
    for _ in requests.read() {
        let headline = Headline {
            from: me.0.clone(),
            text: "wakes everybody up".to_owned(),
        };
        let to = To::Channel(NEWS_CHANNEL.to_owned());
        backend.publish(&to, Headline::EVENT, &headline);
    }
}
