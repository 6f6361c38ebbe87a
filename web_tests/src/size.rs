//! A minimal app, to measure how much the plugin adds to a WebAssembly module: `scripts/web-size.sh`.

#[cfg(target_arch = "wasm32")]
fn main() {
    use bevy_app::{App, ScheduleRunnerPlugin};

    let mut app = App::new();
    app.add_plugins(ScheduleRunnerPlugin::default());
    #[cfg(feature = "plugin")]
    with_the_plugin(&mut app);
    app.run();
}

#[cfg(all(target_arch = "wasm32", feature = "plugin"))]
fn with_the_plugin(app: &mut bevy_app::App) {
    use bevy_ecs::prelude::*;
    use bevy_pusher::{auth::AuthEndpoint, config::Endpoint, prelude::*};

    #[derive(serde::Deserialize)]
    struct Chat {
        text: String,
    }

    let config = PusherConfig::new("APP_KEY", Endpoint::cluster("eu"))
        .with_auth_endpoint(AuthEndpoint::new("/pusher/auth"));
    app.add_plugins(PusherPlugin::new(config))
        .add_pusher_event::<Chat>("chat-message")
        .add_observer(|chat: On<PusherEvent<Chat>>| {
            if let Some(window) = web_sys::window() {
                let _ = window.set_name(&chat.data().text);
            }
        });
    app.world_mut().spawn(PusherChannel::new("presence-lobby"));
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {}
