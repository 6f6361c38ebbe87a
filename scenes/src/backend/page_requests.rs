//! The backend of a scene in a page is the scene process that serves the page. A game sends its backend an HTTP request; the page
//! sends a client event instead, which the development server reports to the serving scene, like a webhook of Pusher.

use bevy::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::To;

/// The channel of the requests. Any client on it can publish any event, so this is for development only.
const CHANNEL: &str = "private-backend";
const EVENT: &str = "client-publish";

/// A page's request to publish an event.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub(super) struct PublishRequest {
    pub(super) to: To,
    pub(super) event: String,
    pub(super) data: Value,
}

#[cfg(target_arch = "wasm32")]
pub(super) use page::plugin;

#[cfg(not(target_arch = "wasm32"))]
pub(super) use serving::plugin;

#[cfg(target_arch = "wasm32")]
mod page {
    use bevy_pusher::{SendMode, prelude::*};

    use super::*;
    use crate::backend::{Backend, Route};

    pub(in crate::backend) fn plugin(app: &mut App) {
        app.add_systems(Startup, join.run_if(resource_exists::<Backend>))
            // Sends in the frame of the request, because a sleeping app may run the next frame much later.
            .add_systems(PostUpdate, ask.run_if(resource_exists::<Backend>));
    }

    fn join(mut commands: Commands, backend: Res<Backend>) {
        if let Route::ServingScene(_) = backend.route {
            commands.spawn(PusherChannel::new(CHANNEL));
        }
    }

    fn ask(backend: Res<Backend>, connection: Res<PusherConnection>) {
        while let Some(request) = backend.next_request() {
            if let Err(error) = connection.send_with(SendMode::Queued, CHANNEL, EVENT, &request) {
                backend.fail(error.to_string());
            }
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod serving {
    use pusher_dev_server::ServerEvent;

    use super::*;
    use crate::{backend::Backend, dev_server::ServerEvents, server::SceneServer};

    /// The events of the development server.
    #[derive(Resource)]
    struct ServerEventStream(ServerEvents);

    pub(in crate::backend) fn plugin(app: &mut App) {
        app.add_systems(Startup, listen)
            .add_systems(Update, publish.run_if(resource_exists::<ServerEventStream>));
    }

    fn listen(mut commands: Commands, server: Res<SceneServer>, backend: Option<Res<Backend>>) {
        if let (Some(own), Some(_)) = (server.own(), backend) {
            commands.insert_resource(ServerEventStream(own.events()));
        }
    }

    fn publish(events: Res<ServerEventStream>, backend: Res<Backend>) {
        while let Some(event) = events.0.try_next() {
            if let Some(request) = publish_request(event) {
                backend.publish(&request.to, &request.event, &request.data);
            }
        }
    }

    fn publish_request(event: ServerEvent) -> Option<PublishRequest> {
        match event {
            ServerEvent::ClientEvent {
                channel,
                event,
                data,
                ..
            } if channel == CHANNEL && event == EVENT => serde_json::from_str(&data).ok(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use bevy_pusher::{SendMode, config::Endpoint, prelude::*};

    use super::*;
    use crate::{
        arguments::SceneArguments,
        server::{Identity, Scene, SceneServer},
    };

    /// The received events.
    #[derive(Resource, Default)]
    struct Received(Vec<String>);

    fn update_until(
        apps: &mut [&mut App],
        what: &str,
        condition: impl Fn(&mut [&mut App]) -> bool,
    ) {
        let started = Instant::now();
        while !condition(apps) {
            assert!(started.elapsed() < Duration::from_secs(20), "{what}");
            for app in apps.iter_mut() {
                app.update();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn event_requested_by_a_page_is_published() {
        let scene = Scene {
            name: "leaderboard",
            players: 0,
            has_backend: true,
            has_terminal_view: false,
        };
        let arguments = SceneArguments {
            serve: Some(0),
            ..default()
        };
        let server = SceneServer::start(scene, &arguments).unwrap();
        let own = server.shared().unwrap();
        let mut serving = App::new();
        serving
            .add_plugins(plugin)
            .insert_resource(server.backend())
            .insert_resource(server);

        let config = PusherConfig::new(own.app_key(), Endpoint::custom("127.0.0.1", own.port()))
            .with_auth_endpoint(Identity::new("Ann").at(own.auth_endpoint()));
        let mut page = App::new();
        page.add_plugins(PusherPlugin::new(config))
            .init_resource::<Received>()
            .add_observer(|event: On<PusherEvent>, mut received: ResMut<Received>| {
                received.0.push(event.data().as_str().to_owned());
            });
        for channel in ["board", CHANNEL] {
            page.world_mut().spawn(PusherChannel::new(channel));
        }
        let mut apps = [&mut serving, &mut page];
        update_until(&mut apps, "no subscription", |apps| {
            let world = apps[1].world_mut();
            let mut subscribed = world.query_filtered::<(), With<PusherSubscribed>>();
            subscribed.iter(world).count() == 2
        });
        let request = PublishRequest {
            to: To::Channel("board".to_owned()),
            event: "standings".to_owned(),
            data: serde_json::json!({"first": "Ann"}),
        };
        let connection = apps[1].world().resource::<PusherConnection>();
        connection
            .send_with(SendMode::Queued, CHANNEL, EVENT, &request)
            .unwrap();
        update_until(&mut apps, "no event", |apps| {
            let received = &apps[1].world().resource::<Received>().0;
            received == &[r#"{"first":"Ann"}"#]
        });
    }
}
