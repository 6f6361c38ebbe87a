//! What the scene's own server sees of the whispers, and a forged event.

use bevy::prelude::*;
use pusher_dev_server::ServerEvent;
use pusher_scenes::{
    chat_entry::ChatEntry,
    dev_server::ServerEvents,
    server::SceneServer,
    text::shortened,
    whisper::{WHISPER_CHANNEL, Whisper},
};
use serde_json::json;

use crate::model::Request;

/// Where there is no window, the data is shortened to this many characters.
const MAX_CHARACTERS: usize = 72;

/// An event as the server sees it.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub(crate) struct WireEntry {
    /// The event's name.
    pub(crate) event: String,
    /// The data, encrypted unless the event is forged.
    pub(crate) data: String,
    /// Whether the server forged the event.
    pub(crate) is_forged: bool,
}

/// Whether the scene has its own server, which it can inspect.
#[derive(Resource, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CanInspectServer(pub(crate) bool);

/// The events of the scene's own server.
#[derive(Resource)]
struct ServerLog(ServerEvents);

/// Returns the plugin that observes the scene's own server.
pub(crate) fn plugin(server: &SceneServer) -> impl Fn(&mut App) + use<> {
    let own = server.shared();
    move |app| {
        app.add_message::<WireEntry>()
            .insert_resource(CanInspectServer(own.is_some()));
        if let Some(own) = &own {
            app.insert_resource(ServerLog(own.events()))
                .add_systems(Update, (record_published, forge));
        }
    }
}

fn record_published(log: Res<ServerLog>, mut entries: MessageWriter<WireEntry>) {
    while let Some(event) = log.0.try_next() {
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

/// Sends an unencrypted event to all clients, as a malicious server could. They refuse it.
fn forge(
    mut requests: MessageReader<Request>,
    server: Res<SceneServer>,
    mut entries: MessageWriter<WireEntry>,
) {
    for _ in requests
        .read()
        .filter(|request| **request == Request::Forge)
    {
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

/// Prints what the server sees as lines.
pub(crate) fn print_entries(app: &mut App) {
    app.add_systems(
        Update,
        |mut wire: MessageReader<WireEntry>, mut entries: MessageWriter<ChatEntry>| {
            for entry in wire.read() {
                let verb = if entry.is_forged { "forges" } else { "sees" };
                let text = format!("{verb} {}", shortened(&entry.data, MAX_CHARACTERS));
                entries.write(ChatEntry::action("the server", text));
            }
        },
    );
}
