//! A private channel: the first authorization is refused, the retry uses a renewed token.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bevy::prelude::*;
use bevy_pusher::{auth::AuthEndpoint, config::Endpoint, prelude::*};
use pusher_dev_server::{AuthPolicy, DevServer, DevServerConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policy = AuthPolicy::default().with_bearer_token("token-1");
    let server = DevServer::start(DevServerConfig::default().with_auth_policy(policy))?;
    // The provider is called before each request. Here it returns another token each time.
    let renewals = AtomicUsize::new(0);
    let auth = AuthEndpoint::new(server.auth_endpoint()).with_header_provider(move || {
        let token = format!("Bearer token-{}", renewals.fetch_add(1, Relaxed));
        vec![("Authorization".to_owned(), token)]
    });
    let endpoint = Endpoint::custom("localhost", server.port());
    let config = PusherConfig::new(server.app_key(), endpoint).with_auth_endpoint(auth);
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, PusherPlugin::new(config)));
    app.world_mut().spawn(PusherChannel::new("private-news"));
    app.add_observer(retry_once_refused).run();
    Ok(())
}

fn retry_once_refused(
    change: On<PusherSubscriptionChanged>,
    connection: Res<PusherConnection>,
    mut exit: MessageWriter<AppExit>,
) {
    println!("{}: {:?}", change.channel(), change.status());
    if change.http_status() == Some(401) {
        connection.retry(change.channel());
    } else if change.status().is_subscribed() {
        exit.write(AppExit::Success);
    }
}
