//! A game for tests: a headless app with the plugin, and a record of what it was told.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code; each test file uses its part"
)]

pub mod scripted;

use std::time::Duration;

use bevy::prelude::*;
use bevy_pusher::{auth::AuthEndpoint, config::*, prelude::*};
use pusher_test_support::update_until;

/// Longer than anything takes, so that what does not happen fails the test.
pub const SOON: Duration = Duration::from_secs(20);

/// What a game was told, in the order of its observers.
#[derive(Resource, Default, Debug)]
pub struct Told(pub Vec<String>);

/// A headless game.
pub fn game(config: PusherConfig) -> App {
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, PusherPlugin::new(config)));
    record(&mut app);
    app
}

/// Notes events, memberships and states as short words.
pub fn record(app: &mut App) {
    app.init_resource::<Told>()
        .add_observer(|event: On<PusherEvent>, mut told: ResMut<Told>| {
            let from = event
                .user_id()
                .map(|id| format!(" from {id}"))
                .unwrap_or_default();
            told.0.push(format!(
                "{} {} {}{from}",
                event.channel(),
                event.name(),
                event.data().as_str()
            ));
        })
        .add_observer(|joined: On<PusherMemberJoined>, mut told: ResMut<Told>| {
            let away = if joined.while_away() { "*" } else { "" };
            told.0.push(format!(
                "{} +{}{away}",
                joined.channel(),
                joined.member().id()
            ));
        })
        .add_observer(|left: On<PusherMemberLeft>, mut told: ResMut<Told>| {
            let away = if left.while_away() { "*" } else { "" };
            told.0
                .push(format!("{} -{}{away}", left.channel(), left.member().id()));
        })
        .add_observer(|missed: On<PusherCacheMissed>, mut told: ResMut<Told>| {
            told.0.push(format!("{} cache miss", missed.channel()));
        })
        .add_observer(|event: On<PusherUserEvent>, mut told: ResMut<Told>| {
            told.0
                .push(format!("user {} {}", event.name(), event.data().as_str()));
        })
        .add_observer(
            |changed: On<PusherSubscriptionChanged>, mut told: ResMut<Told>| {
                let word = match changed.status() {
                    PusherSubscription::Pending => "pending".to_owned(),
                    PusherSubscription::Subscribing => return,
                    PusherSubscription::Subscribed if changed.is_resubscription() => {
                        "subscribed again".into()
                    }
                    PusherSubscription::Subscribed => "subscribed".into(),
                    PusherSubscription::Failed { error } => format!("failed: {error}"),
                };
                told.0.push(format!("{} {word}", changed.channel()));
            },
        );
}

pub fn told(world: &World) -> &[String] {
    &world.resource::<Told>().0
}

pub fn has_been_told(app: &mut App, word: &str) {
    update_until(app, &format!("being told {word:?}"), SOON, |world| {
        told(world).iter().any(|told| told == word)
    });
}

pub fn connected(app: &mut App) {
    update_until(app, "connecting", SOON, |world| {
        world.resource::<PusherConnection>().is_connected()
    });
}

pub fn spawn(app: &mut App, channel: &str) -> Entity {
    app.world_mut().spawn(PusherChannel::new(channel)).id()
}

pub fn subscribed(app: &mut App, entity: Entity) {
    update_until(app, "subscribing", SOON, |world| {
        world.get::<PusherSubscribed>(entity).is_some()
    });
}

/// Spawns a channel and waits for it.
pub fn join(app: &mut App, channel: &str) -> Entity {
    let entity = spawn(app, channel);
    subscribed(app, entity);
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

/// An endpoint that authorizes as this user.
pub fn endpoint_as(url: &str, user_id: &str) -> AuthEndpoint {
    AuthEndpoint::new(url)
        .with_param("user_id", user_id)
        .with_param("user_info", format!(r#"{{"name":"{user_id}"}}"#))
}

/// Timings that make tests of loss short.
pub fn impatient(config: PusherConfig) -> PusherConfig {
    config.with_reconnect(ReconnectPolicy {
        min_delay: Duration::from_millis(50),
        max_delay: Duration::from_millis(200),
        ..ReconnectPolicy::default()
    })
}
