//! All use of the Pusher plugin in this scene: receives whispers, and publishes through the backend.

use bevy::prelude::*;
use bevy_pusher::prelude::*;
use pusher_scenes::{
    backend::{Backend, To},
    chat_entry::ChatEntry,
    connection::{ConnectionPlugin, ConnectionSystems, RequiredChannel},
    server::{Identity, SceneServer},
    whisper::{WHISPER_CHANNEL, Whisper},
};

use crate::model::Request;

/// The local player's name.
#[derive(Resource, Clone)]
struct OwnName(String);

/// Returns the plugin for a player with this name.
pub(crate) fn plugin(server: &SceneServer, name: &str) -> impl Fn(&mut App) + use<> {
    // The response of the auth endpoint contains the channel's key; the plugin decrypts with it.
    let config = server.config(&Identity::new(name));
    let me = OwnName(name.to_owned());
    move |app| {
        app.add_plugins(ConnectionPlugin::new(config.clone()))
            .insert_resource(me.clone())
            .add_pusher_event::<Whisper>(Whisper::EVENT)
            .add_systems(Startup, |mut commands: Commands| {
                commands.spawn((RequiredChannel, PusherChannel::new(WHISPER_CHANNEL)));
            })
            .add_systems(
                Update,
                (publish_whispers, receive_whispers)
                    .chain()
                    .after(ConnectionSystems),
            );
    }
}

/// Publishes through the backend, which encrypts, since clients cannot send on encrypted channels.
fn publish_whispers(
    mut requests: MessageReader<Request>,
    backend: Res<Backend>,
    me: Res<OwnName>,
    channels: Query<(), (With<RequiredChannel>, With<PusherSubscribed>)>,
) {
    for request in requests.read() {
        if let (Request::Whisper(text), false) = (request, channels.is_empty()) {
            let whisper = Whisper {
                from: me.0.clone(),
                text: text.clone(),
            };
            let to = To::Channel(WHISPER_CHANNEL.to_owned());
            backend.publish(&to, Whisper::EVENT, &whisper);
        }
    }
}

/// Reads events as on any other channel: they are decrypted already, and events that cannot be decrypted are not delivered.
fn receive_whispers(
    mut whispers: MessageReader<PusherEvent<Whisper>>,
    mut entries: MessageWriter<ChatEntry>,
) {
    for whisper in whispers.read() {
        let Whisper { from, text } = whisper.data();
        entries.write(ChatEntry::message(from.clone(), text.clone()));
    }
}
