//! The whispers' dealings with the network: everything that uses the plugin.

use bevy::prelude::*;
use bevy_pusher::prelude::*;
use pusher_scenes::{
    backend::{Backend, To},
    entry::ChatEntry,
    link::{LinkPlugin, LinkSystems, Needed},
    server::{Identity, SceneServer},
    whisper::{WHISPER_CHANNEL, Whisper},
};

use crate::model::Wish;

/// What one is called.
#[derive(Resource, Clone)]
struct Me(String);

/// The whispers of all, for a person of this name.
pub(crate) fn plugin(server: &SceneServer, name: &str) -> impl Fn(&mut App) + use<> {
    // The authorization of an encrypted channel brings its key; the plugin does the rest.
    let config = server.config(&Identity::new(name));
    let me = Me(name.to_owned());
    move |app| {
        app.add_plugins(LinkPlugin::new(config.clone()))
            .insert_resource(me.clone())
            .add_pusher_event::<Whisper>(Whisper::EVENT)
            .add_systems(Startup, |mut commands: Commands| {
                commands.spawn((Needed, PusherChannel::new(WHISPER_CHANNEL)));
            })
            .add_systems(Update, (whisper, hear).chain().after(LinkSystems));
    }
}

/// Clients cannot send on encrypted channels: the backend encrypts and publishes.
fn whisper(
    mut wishes: MessageReader<Wish>,
    backend: Res<Backend>,
    me: Res<Me>,
    channels: Query<(), (With<Needed>, With<PusherSubscribed>)>,
) {
    for wish in wishes.read() {
        if let (Wish::Whisper(text), false) = (wish, channels.is_empty()) {
            let whisper = Whisper {
                from: me.0.clone(),
                text: text.clone(),
            };
            let to = To::Channel(WHISPER_CHANNEL.to_owned());
            backend.publish(&to, Whisper::EVENT, &whisper);
        }
    }
}

/// An event like any other: what arrives here is decrypted, or it does not arrive.
fn hear(mut whispers: MessageReader<PusherEvent<Whisper>>, mut entries: MessageWriter<ChatEntry>) {
    for whisper in whispers.read() {
        let Whisper { from, text } = whisper.data();
        entries.write(ChatEntry::said(from.clone(), text.clone()));
    }
}
