//! The news: everything that uses the plugin.

use bevy::prelude::*;
use bevy_pusher::prelude::*;
use pusher_scenes::{
    backend::{Backend, To},
    entry::ChatEntry,
    link::{LinkPlugin, LinkSystems, Needed},
    reactive::{Headline, NEWS_CHANNEL},
    server::{Identity, SceneServer},
};

use crate::model::{Cost, Publish};

/// What one is called.
#[derive(Resource, Clone)]
struct Me(String);

/// The news, for a person of this name.
pub(crate) fn plugin(server: &SceneServer, name: &str) -> impl Fn(&mut App) + use<> {
    let config = server.config(&Identity::new(name));
    let me = Me(name.to_owned());
    move |app| {
        app.add_plugins(LinkPlugin::new(config.clone()).without_checks())
            .insert_resource(me.clone())
            .add_pusher_event::<Headline>(Headline::EVENT)
            .add_systems(Startup, |mut commands: Commands| {
                commands.spawn((Needed, PusherChannel::new(NEWS_CHANNEL)));
            })
            .add_systems(Update, (hear, publish).chain().after(LinkSystems));
    }
}

/// What woke the app is an event like any other.
pub(crate) fn hear(
    mut headlines: MessageReader<PusherEvent<Headline>>,
    mut cost: ResMut<Cost>,
    mut entries: MessageWriter<ChatEntry>,
) {
    for headline in headlines.read() {
        cost.events += 1;
        let Headline { from, text } = headline.data();
        entries.write(ChatEntry::did(from.clone(), text.clone()));
    }
}

/// Clients cannot publish on a public channel: the backend does.
fn publish(mut wishes: MessageReader<Publish>, backend: Res<Backend>, me: Res<Me>) {
    for _ in wishes.read() {
        let headline = Headline {
            from: me.0.clone(),
            text: "wakes everybody up".to_owned(),
        };
        let to = To::Channel(NEWS_CHANNEL.to_owned());
        backend.publish(&to, Headline::EVENT, &headline);
    }
}
