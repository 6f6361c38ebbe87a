//! Tests of `PusherSpawnMembers`: one entity for each member of a presence channel.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code: a failed expectation is a failed test"
)]

mod support;

use bevy::prelude::*;
use bevy_pusher::{
    PusherMember, PusherMemberEntities, PusherMemberOf, PusherSpawnMembers,
    auth::{ChannelAuthorization, authorize_with},
    config::*,
    prelude::*,
};
use pusher_test_support::{ScriptedConnection, ScriptedServer, update_until};
use serde_json::json;
use support::*;

const LOBBY: &str = "presence-lobby";

/// A game that is in the lobby as `ann`, with an entity for each member.
fn lobby(server: &ScriptedServer) -> (App, ScriptedConnection, Entity) {
    let endpoint = Endpoint::custom("127.0.0.1", server.port());
    let authorizer = authorize_with(|request| {
        let authorization = ChannelAuthorization::new(format!("key:{}", request.socket_id()));
        Ok(authorization.with_channel_data(r#"{"user_id":"ann"}"#))
    });
    let config = PusherConfig::new("app-key", endpoint).with_authorizer(authorizer);
    let mut app = game(with_short_retry_delay(config));
    let lobby = app
        .world_mut()
        .spawn((PusherChannel::new(LOBBY), PusherSpawnMembers))
        .id();
    app.update();
    let connection = server.accept(TIMEOUT);
    enter(&mut app, &connection, lobby, &["ann", "bob"]);
    (app, connection, lobby)
}

/// Establishes a connection and confirms the lobby with these members.
fn enter(app: &mut App, connection: &ScriptedConnection, lobby: Entity, members: &[&str]) {
    connection.establish("1.1", 120);
    connected(app);
    connection.expect_event("pusher:subscribe", TIMEOUT);
    let hash: serde_json::Map<_, _> = members
        .iter()
        .map(|id| ((*id).to_owned(), json!({"name": id})))
        .collect();
    let presence = json!({"presence": {"count": members.len(), "ids": members, "hash": hash}});
    connection.event(LOBBY, "pusher_internal:subscription_succeeded", &presence);
    wait_until_subscribed(app, lobby);
}

/// Returns the member entities of this channel, sorted by name, with the own member marked.
fn spawned(world: &mut World, channel: Entity) -> Vec<String> {
    let mut members: Vec<_> = world
        .query::<(&PusherMember, &PusherMemberOf)>()
        .iter(world)
        .filter(|(_, of)| of.channel() == channel)
        .map(|(member, _)| {
            let me = if member.is_me() { " (me)" } else { "" };
            format!("{} {}{me}", member.id(), member.info_json())
        })
        .collect();
    members.sort();
    members
}

fn entity_of(world: &mut World, id: &str) -> Option<Entity> {
    let mut members = world.query::<(Entity, &PusherMember)>();
    let mut members = members.iter(world);
    members
        .find(|(_, member)| member.id() == id)
        .map(|(entity, _)| entity)
}

#[test]
fn member_entities_follow_joins_and_leaves() {
    let server = ScriptedServer::start();
    let (mut app, connection, lobby) = lobby(&server);
    assert_eq!(
        spawned(app.world_mut(), lobby),
        [r#"ann {"name":"ann"} (me)"#, r#"bob {"name":"bob"}"#]
    );
    let bob = entity_of(app.world_mut(), "bob").unwrap();

    app.add_observer(
        |joined: On<PusherMemberJoined>,
         members: Query<&PusherMember>,
         mut recorded: ResMut<Recorded>| {
            let is_there = members
                .iter()
                .any(|member| member.id() == joined.member().id());
            recorded.0.push(format!("there already: {is_there}"));
        },
    );
    let cleo = json!({"user_id": "cleo", "user_info": {"name": "cleo"}});
    connection.event(LOBBY, "pusher_internal:member_added", &cleo);
    expect_recorded(&mut app, "there already: true");
    assert_eq!(
        entity_of(app.world_mut(), "bob"),
        Some(bob),
        "a remaining member keeps its entity"
    );

    let gone = json!({"user_id": "bob"});
    connection.event(LOBBY, "pusher_internal:member_removed", &gone);
    expect_recorded(&mut app, "presence-lobby -bob");
    assert!(app.world().get_entity(bob).is_err());
    assert_eq!(
        spawned(app.world_mut(), lobby),
        [r#"ann {"name":"ann"} (me)"#, r#"cleo {"name":"cleo"}"#]
    );
    let related = app.world().get::<PusherMemberEntities>(lobby);
    assert_eq!(related.unwrap().iter().len(), 2);
}

#[test]
fn member_entities_survive_a_reconnect_and_follow_the_roster() {
    let server = ScriptedServer::start();
    let (mut app, connection, lobby) = lobby(&server);
    let ann = entity_of(app.world_mut(), "ann");
    connection.cut();
    update_until(&mut app, "the loss", TIMEOUT, |world| {
        world.get::<PusherSubscribed>(lobby).is_none()
    });
    assert_eq!(spawned(app.world_mut(), lobby).len(), 2);
    let connection = server.accept(TIMEOUT);
    enter(&mut app, &connection, lobby, &["ann", "dora"]);
    expect_recorded(&mut app, "presence-lobby -bob*");
    assert_eq!(entity_of(app.world_mut(), "ann"), ann);
    assert_eq!(
        spawned(app.world_mut(), lobby),
        [r#"ann {"name":"ann"} (me)"#, r#"dora {"name":"dora"}"#]
    );
}

#[test]
fn member_entities_are_despawned_with_their_channel() {
    let server = ScriptedServer::start();
    let (mut app, _connection, lobby) = lobby(&server);
    let world = app.world_mut();

    world.entity_mut(lobby).remove::<PusherSpawnMembers>();
    assert!(spawned(world, lobby).is_empty());
    world.entity_mut(lobby).insert(PusherSpawnMembers);
    assert_eq!(spawned(world, lobby).len(), 2, "the roster was there");

    world.entity_mut(lobby).remove::<PusherChannel>();
    assert!(spawned(world, lobby).is_empty());
    world.entity_mut(lobby).insert(PusherChannel::new(LOBBY));
    world.despawn(lobby);
    assert!(spawned(world, lobby).is_empty());
    let mut left = world.query::<&PusherMember>();
    assert_eq!(left.iter(world).count(), 0);
}
