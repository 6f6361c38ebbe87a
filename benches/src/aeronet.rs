//! A hand-written alternative to the plugin: an `aeronet_websocket` client, and a system that reads and decodes its packets.

use aeronet_io::Session;
use aeronet_websocket::client::{ClientConfig, WebSocketClient, WebSocketClientPlugin};
use bevy_app::prelude::*;
use bevy_ecs::prelude::*;

use crate::{
    frames::{CHANNEL, EVENT, LobbyMessage},
    game::{Run, run_on_one_thread},
    one_thread::Envelope,
};

/// An app with the client.
pub struct Aeronet(App);

#[derive(Resource, Default)]
struct Received(u64);

impl Aeronet {
    /// Creates an app that connects to this port on localhost.
    #[must_use]
    pub fn new(port: u16) -> Self {
        let mut app = App::new();
        app.add_plugins(WebSocketClientPlugin)
            .init_resource::<Received>()
            .add_observer(subscribe)
            .add_systems(Update, read);
        run_on_one_thread(&mut app);
        let config = ClientConfig::builder().with_no_encryption();
        let url = format!("ws://127.0.0.1:{port}/app/k?protocol=7&client=bench&version=1");
        let client = app.world_mut().spawn_empty().id();
        WebSocketClient::connect(config, url).apply(app.world_mut().entity_mut(client));
        Self(app)
    }

    /// Runs a frame.
    pub fn update(&mut self) {
        self.0.update();
    }

    /// Runs frames without pause until this many events have been read.
    pub fn run(&mut self, events: u64) -> Run {
        Run::count(events, || {
            let before = self.received();
            self.update();
            if self.received() == before {
                std::thread::yield_now();
            }
            self.received()
        })
    }

    fn received(&self) -> u64 {
        self.0.world().resource::<Received>().0
    }
}

fn subscribe(connected: On<Add<Session>>, mut sessions: Query<&mut Session>) {
    if let Ok(mut session) = sessions.get_mut(connected.entity) {
        let subscribe =
            format!(r#"{{"event":"pusher:subscribe","data":{{"channel":"{CHANNEL}"}}}}"#);
        session.send.push(subscribe.into());
    }
}

fn read(mut sessions: Query<&mut Session>, mut received: ResMut<Received>) {
    for mut session in &mut sessions {
        for packet in session.recv.drain(..) {
            let envelope: Envelope<'_> = serde_json::from_slice(&packet.payload).unwrap();
            if envelope.event == EVENT {
                let message: LobbyMessage = serde_json::from_str(&envelope.data).unwrap();
                std::hint::black_box(message);
                received.0 += 1;
            }
        }
    }
}
