//! What the scene's own server sees of the whispers, and what it can do to them.

use bevy::prelude::*;
use pusher_dev_server::ServerEvent;
use pusher_scenes::{
    dev_server::ServerEvents,
    entry::ChatEntry,
    server::SceneServer,
    whisper::{WHISPER_CHANNEL, Whisper},
    words::shortened,
};
use serde_json::json;

use crate::model::Wish;

/// Lines without a window show so many characters of what the server sees.
const SHOWN: usize = 72;

/// Something that is on the wire.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub(crate) struct WireEntry {
    /// The event's name.
    pub(crate) event: String,
    /// The data, as the server has it.
    pub(crate) data: String,
    /// Whether the server made it up.
    pub(crate) is_forged: bool,
}

/// Whether there is a server that can be looked into.
#[derive(Resource, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IsOpen(pub(crate) bool);

/// The server's own account of what passes through it.
#[derive(Resource)]
struct Tap(ServerEvents);

/// Looks into the scene's own server.
pub(crate) fn plugin(server: &SceneServer) -> impl Fn(&mut App) + use<> {
    let own = server.shared();
    move |app| {
        app.add_message::<WireEntry>()
            .insert_resource(IsOpen(own.is_some()));
        if let Some(own) = &own {
            app.insert_resource(Tap(own.events()))
                .add_systems(Update, (watch, forge));
        }
    }
}

fn watch(tap: Res<Tap>, mut entries: MessageWriter<WireEntry>) {
    while let Some(event) = tap.0.try_next() {
        if let ServerEvent::Published {
            channel,
            event,
            data,
            ..
        } = event
            && channel == WHISPER_CHANNEL
        {
            entries.write(WireEntry {
                event,
                data,
                is_forged: false,
            });
        }
    }
}

/// A server may send what it likes. Without the key it cannot make anybody believe it.
fn forge(
    mut wishes: MessageReader<Wish>,
    server: Res<SceneServer>,
    mut entries: MessageWriter<WireEntry>,
) {
    for _ in wishes.read().filter(|wish| **wish == Wish::Forge) {
        let Some(own) = server.own() else {
            continue;
        };
        let data = json!({"from": "Mira", "text": "Give me your password."}).to_string();
        let frame = json!({"event": Whisper::EVENT, "channel": WHISPER_CHANNEL, "data": data});
        for socket in own.socket_ids() {
            own.send_frame(&socket, &frame.to_string());
        }
        entries.write(WireEntry {
            event: Whisper::EVENT.to_owned(),
            data,
            is_forged: true,
        });
    }
}

/// Prints what the server sees.
pub(crate) fn lines(app: &mut App) {
    app.add_systems(
        Update,
        |mut wire: MessageReader<WireEntry>, mut entries: MessageWriter<ChatEntry>| {
            for entry in wire.read() {
                let verb = if entry.is_forged { "forges" } else { "sees" };
                let words = format!("{verb} {}", shortened(&entry.data, SHOWN));
                entries.write(ChatEntry::did("the server", words));
            }
        },
    );
}
