//! A network thread that stops without a close, as the game sees it.

use std::sync::Arc;

use bevy_app::{App, Update};
use bevy_ecs::prelude::*;
use pusher_protocol::session::SendOutcome;
use pusher_test_support::{standard_reply, update_until};
use serde_json::json;

use super::*;
use crate::{
    ConnectionState, PusherChannel, PusherConnection, PusherMembers, PusherPlugin,
    PusherSendAnswered, PusherSubscribed, PusherSubscription, PusherUser, SendError,
    auth::{ChannelAuthorization, UserAuthentication, authenticate_with, authorize_with},
};

#[derive(Resource, Default)]
struct Answers(Vec<(SendId, SendOutcome)>);

/// A game that collects the outcomes of what it sends.
fn game(port: u16) -> App {
    let config = config(port)
        .with_sent_answers(true)
        .with_authorizer(authorize_with(|request| {
            let authorization = ChannelAuthorization::new("key:signature");
            Ok(match request.channel().starts_with("presence-") {
                true => authorization.with_channel_data(r#"{"user_id":"ann"}"#),
                false => authorization,
            })
        }))
        .with_authenticator(authenticate_with(|_| {
            Ok(UserAuthentication::new("key:signature", r#"{"id":"ann"}"#))
        }));
    let mut app = App::new();
    app.add_plugins(PusherPlugin {
        start: Some(Arc::new(|config, sink| {
            super::super::start(config, Box::new(Hooked(sink, panic_on_event)))
        })),
        ..PusherPlugin::new(config)
    });
    app.init_resource::<Answers>().add_systems(
        Update,
        |mut new: MessageReader<PusherSendAnswered>, mut answers: ResMut<Answers>| {
            let new = new.read();
            let new = new.map(|answer| (answer.id(), answer.outcome().clone()));
            answers.0.extend(new);
        },
    );
    app
}

fn connection(world: &World) -> &PusherConnection {
    world.resource()
}

fn connect(app: &mut App, server: &ScriptedServer) -> ScriptedConnection {
    app.update();
    let accepted = server.accept(SOON);
    accepted.reply_with(standard_reply);
    accepted.establish("1.1", 120);
    update_until(app, "connecting", SOON, |world| {
        connection(world).is_connected()
    });
    accepted
}

fn join(app: &mut App, channel: &str) -> Entity {
    let entity = app.world_mut().spawn(PusherChannel::new(channel)).id();
    update_until(app, channel, SOON, |world| {
        world.get::<PusherSubscribed>(entity).is_some()
    });
    entity
}

/// Whether the game knows that the network thread has ended. If so, nothing may be subscribed or signed in any more.
fn has_failed(world: &mut World, channels: &[Entity]) -> bool {
    let ConnectionState::Failed { error } = connection(world).state() else {
        return false;
    };
    assert!(error.to_string().contains("panicked"), "{error}");
    for channel in channels {
        let status = world.get::<PusherSubscription>(*channel);
        assert_eq!(status, Some(&PusherSubscription::Pending));
        assert!(world.get::<PusherSubscribed>(*channel).is_none());
        let members = world.get::<PusherMembers>(*channel);
        assert!(members.is_none_or(PusherMembers::is_stale));
    }
    assert!(!world.resource::<PusherUser>().is_signed_in());
    true
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn dead_network_thread_resets_connection_and_channel_state() {
    let server = ScriptedServer::start();
    let mut app = game(server.port());
    let peer = connect(&mut app, &server);
    let channels = ["lobby", "private-room", "presence-room"].map(|name| join(&mut app, name));
    connection(app.world()).sign_in();
    let sent = peer.expect_jsons(channels.len() + 1, SOON);
    let sign_in = json!({"auth": "key:signature", "user_data": r#"{"id":"ann"}"#});
    let sign_in = json!({"event": "pusher:signin", "data": sign_in});
    assert_eq!(sent.last(), Some(&sign_in));
    peer.send(json!({"event": "pusher:signin_success", "data": {"user_data": r#"{"id":"ann"}"#}}));
    update_until(&mut app, "signing in", SOON, |world| {
        world.resource::<PusherUser>().is_signed_in()
    });

    peer.event("lobby", "panic", &json!(null));
    update_until(&mut app, "the end of the thread", SOON, |world| {
        has_failed(world, &channels)
    });
    app.update();
    assert!(has_failed(app.world_mut(), &channels));

    // Not at once, but without another call.
    connection(app.world()).connect();
    update_until(&mut app, "another client", SOON, |_| {
        server.connections_so_far() > 1
    });
    let _peer = connect(&mut app, &server);
    update_until(&mut app, "all channels", SOON, |world| {
        channels
            .iter()
            .all(|channel| world.get::<PusherSubscribed>(*channel).is_some())
    });
}

#[test]
#[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
fn dead_network_thread_answers_every_client_event() {
    let server = ScriptedServer::start();
    let mut app = game(server.port());
    let peer = connect(&mut app, &server);
    join(&mut app, "private-room");
    let mut sent = Vec::new();
    let mut send = |world: &World, channel: &str, mode| {
        let id = connection(world).send_with(mode, channel, "client-move", &1);
        sent.extend(id.as_ref().ok());
        id
    };
    // These wait for a subscription that no entity wants yet.
    for _ in 0..3 {
        send(app.world(), "private-later", SendMode::Queued).unwrap();
    }
    app.update();
    peer.event("private-room", "panic", &json!(null));
    let begun = Instant::now();
    let refused = loop {
        assert!(begun.elapsed() < SOON, "sending is still accepted");
        if let Err(error) = send(app.world(), "private-room", SendMode::Latest) {
            break error;
        }
        if let Err(error) = send(app.world(), "private-room", SendMode::Immediate) {
            break error;
        }
        std::thread::sleep(Duration::from_micros(50));
    };
    assert!(matches!(refused, SendError::NotConnected), "{refused}");
    let is_final = |(_, outcome): &&(SendId, SendOutcome)| *outcome != SendOutcome::Queued;
    update_until(&mut app, "all answers", SOON, |world| {
        let answers = &world.resource::<Answers>().0;
        answers.iter().filter(is_final).count() >= sent.len()
    });
    app.update();
    let answers = &app.world().resource::<Answers>().0;
    let mut answered: Vec<SendId> = answers.iter().filter(is_final).map(|(id, _)| *id).collect();
    answered.sort_unstable();
    assert_eq!(answered, sent);
    let rejected = SendOutcome::Rejected(SendError::NotConnected);
    let unsent = answers.iter().filter(|(_, outcome)| *outcome == rejected);
    assert!(unsent.count() >= 3);
}
