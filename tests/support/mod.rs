//! A headless app with the plugin for the tests, and a record of what its observers received.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code; each test file uses a part of this module"
)]

pub mod scripted;

use std::time::Duration;

use bevy::prelude::*;
use bevy_pusher::{auth::AuthEndpoint, config::*, prelude::*};
use pusher_test_support::update_until;

/// The deadline of every wait. Longer than anything takes on a busy machine, so that only a real failure reaches it.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// The events that the game's observers received, in order, as short texts.
#[derive(Resource, Default, Debug)]
pub struct Recorded(pub Vec<String>);

/// A headless game.
pub fn game(config: PusherConfig) -> App {
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, PusherPlugin::new(config)));
    record(&mut app);
    app
}

/// Records events, membership changes and statuses as short texts.
pub fn record(app: &mut App) {
    app.init_resource::<Recorded>()
        .add_observer(|event: On<PusherEvent>, mut recorded: ResMut<Recorded>| {
            let from = event
                .user_id()
                .map(|id| format!(" from {id}"))
                .unwrap_or_default();
            recorded.0.push(format!(
                "{} {} {}{from}",
                event.channel(),
                event.name(),
                event.data().as_str()
            ));
        })
        .add_observer(
            |joined: On<PusherMemberJoined>, mut recorded: ResMut<Recorded>| {
                let away = if joined.while_away() { "*" } else { "" };
                recorded.0.push(format!(
                    "{} +{}{away}",
                    joined.channel(),
                    joined.member().id()
                ));
            },
        )
        .add_observer(
            |left: On<PusherMemberLeft>, mut recorded: ResMut<Recorded>| {
                let away = if left.while_away() { "*" } else { "" };
                recorded
                    .0
                    .push(format!("{} -{}{away}", left.channel(), left.member().id()));
            },
        )
        .add_observer(
            |missed: On<PusherCacheMissed>, mut recorded: ResMut<Recorded>| {
                recorded.0.push(format!("{} cache miss", missed.channel()));
            },
        )
        .add_observer(
            |event: On<PusherUserEvent>, mut recorded: ResMut<Recorded>| {
                recorded
                    .0
                    .push(format!("user {} {}", event.name(), event.data().as_str()));
            },
        )
        .add_observer(
            |changed: On<PusherSubscriptionChanged>, mut recorded: ResMut<Recorded>| {
                let text = match changed.status() {
                    PusherSubscription::Pending => "pending".to_owned(),
                    PusherSubscription::Subscribing => return,
                    PusherSubscription::Subscribed if changed.is_resubscription() => {
                        "subscribed again".into()
                    }
                    PusherSubscription::Subscribed => "subscribed".into(),
                    PusherSubscription::Failed { error } => format!("failed: {error}"),
                };
                recorded.0.push(format!("{} {text}", changed.channel()));
            },
        );
}

pub fn recorded(world: &World) -> &[String] {
    &world.resource::<Recorded>().0
}

pub fn expect_recorded(app: &mut App, text: &str) {
    update_until(app, &format!("{text:?} to be recorded"), TIMEOUT, |world| {
        recorded(world).iter().any(|recorded| recorded == text)
    });
}

pub fn connected(app: &mut App) {
    update_until(app, "the connection", TIMEOUT, |world| {
        world.resource::<PusherConnection>().is_connected()
    });
}

pub fn spawn(app: &mut App, channel: &str) -> Entity {
    app.world_mut().spawn(PusherChannel::new(channel)).id()
}

pub fn wait_until_subscribed(app: &mut App, entity: Entity) {
    update_until(app, "the subscription", TIMEOUT, |world| {
        world.get::<PusherSubscribed>(entity).is_some()
    });
}

/// Spawns a channel and waits until it is subscribed.
pub fn join(app: &mut App, channel: &str) -> Entity {
    let entity = spawn(app, channel);
    wait_until_subscribed(app, entity);
    entity
}

pub fn members(world: &World, entity: Entity) -> Vec<String> {
    let members = world.get::<PusherMembers>(entity);
    members
        .map(|members| {
            members
                .iter()
                .map(|member| member.id().to_owned())
                .collect()
        })
        .unwrap_or_default()
}

/// Returns an endpoint that authorizes as this user.
pub fn endpoint_as(url: &str, user_id: &str) -> AuthEndpoint {
    AuthEndpoint::new(url)
        .with_param("user_id", user_id)
        .with_param("user_info", format!(r#"{{"name":"{user_id}"}}"#))
}

/// Returns a policy that redials after a delay between these, in milliseconds.
pub fn retry_after(min: u64, max: u64) -> ReconnectPolicy {
    ReconnectPolicy {
        min_delay: Duration::from_millis(min),
        max_delay: Duration::from_millis(max),
        ..ReconnectPolicy::default()
    }
}

/// Sets short reconnect delays, so that tests of a lost connection are fast.
pub fn with_short_retry_delay(config: PusherConfig) -> PusherConfig {
    config.with_reconnect(retry_after(50, 200))
}
