//! Tests that the plugin and pusher-js receive the same events on the same channels.

use super::*;
use serde_json::Value;

const PRESENCE: &str = "presence-room";
const ENCRYPTED: &str = "private-encrypted-plan";
const CACHE: &str = "cache-board";
const CHANNELS: [&str; 3] = [PRESENCE, ENCRYPTED, CACHE];

/// Returns the events that a game received on a channel from the server, in order.
fn received_by_game(game: &App) -> Vec<Vec<Value>> {
    let heard_on = |channel: &str| {
        let start = format!("{channel} news ");
        recorded(game.world())
            .iter()
            .filter_map(|recorded| recorded.strip_prefix(&start))
            // Data that is not JSON is a string, like in pusher-js.
            .map(|data| serde_json::from_str(data).unwrap_or_else(|_| json!(data)))
            .collect()
    };
    CHANNELS.map(heard_on).into()
}

fn received_by_pusher_js(client: &PusherJs) -> Vec<Vec<Value>> {
    let lines = client.lines();
    let heard_on = |channel: &str| {
        lines
            .iter()
            .filter(|line| {
                line["type"] == "event" && line["channel"] == channel && line["event"] == "news"
            })
            .map(|line| line["data"].clone())
            .collect()
    };
    CHANNELS.map(heard_on).into()
}

/// Returns the members with their info.
fn roster_of_game(game: &App, room: Entity) -> Value {
    let members = game.world().get::<PusherMembers>(room).unwrap();
    members
        .iter()
        .map(|member| {
            (
                member.id().to_owned(),
                member.info::<Value>().unwrap_or_default(),
            )
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn roster_of_pusher_js(client: &mut PusherJs) -> Value {
    client.send(&json!({"command": "members", "channel": PRESENCE}));
    client.expect("its members", TIMEOUT, |line| line["type"] == "members")["members"].take()
}

#[test]
fn two_games_and_pusher_js_see_the_same_events() {
    let setup = TestSetup::new(Sockudo::start());
    setup.server.publish(CACHE, "news", &json!("before all"));
    let (mut ann, mut bob) = (setup.game("ann"), setup.game("bob"));
    let mut cleo = setup.pusher_js("cleo");
    let mut rooms = Vec::new();
    for game in [&mut ann, &mut bob] {
        let [room, ..] = CHANNELS.map(|channel| join(game, channel));
        rooms.push(room);
    }
    for channel in CHANNELS {
        cleo.subscribe(channel, TIMEOUT);
    }

    // The members.
    for game in [&mut ann, &mut bob] {
        expect_recorded(game, "presence-room +cleo");
    }
    let everybody = roster_of_pusher_js(&mut cleo);
    assert_eq!(everybody["ann"], json!({"name": "ann"}));
    assert_eq!(everybody.as_object().unwrap().len(), 3);
    assert_eq!(roster_of_game(&ann, rooms[0]), everybody);
    assert_eq!(roster_of_game(&bob, rooms[1]), everybody);

    // Server events with data of every shape on every channel.
    let published = [
        json!({"n": 1, "nested": {"list": [1, 2.5, null]}}),
        json!([1, 2]),
        json!("Zoë \u{1F3B2} \"quoted\""),
        json!(true),
        json!({}),
    ];
    for data in &published {
        for channel in CHANNELS {
            cleo.send(
                &json!({"command": "publish", "channel": channel, "event": "news", "data": data}),
            );
            cleo.expect("the publication", TIMEOUT, |line| {
                line["type"] == "published"
            });
        }
    }
    for channel in CHANNELS {
        setup.server.publish(PRESENCE, "over", &json!(channel));
    }
    for game in [&mut ann, &mut bob] {
        expect_recorded(game, &format!("presence-room over {CACHE}"));
    }
    cleo.expect_event(PRESENCE, "over", TIMEOUT);
    update_until(&mut ann, "all events", TIMEOUT, |world| {
        let received = recorded(world)
            .iter()
            .filter(|recorded| recorded.contains(" news "))
            .count();
        received == 3 * published.len() + 1
    });
    let received = received_by_game(&ann);
    let mut on_cache = vec![json!("before all")];
    on_cache.extend(published.clone());
    assert_eq!(received, [published.to_vec(), published.to_vec(), on_cache]);
    assert_eq!(received_by_game(&bob), received);
    assert_eq!(received_by_pusher_js(&cleo), received);

    // Client events.
    let wave = json!({"hand": "left"});
    let connection = ann.world().resource::<PusherConnection>();
    connection.send(PRESENCE, "client-wave", &wave).unwrap();
    assert_eq!(cleo.expect_event(PRESENCE, "client-wave", TIMEOUT), wave);
    cleo.send(
        &json!({"command": "trigger", "channel": PRESENCE, "event": "client-nod", "data": wave}),
    );
    for (game, count) in [(&mut ann, 1), (&mut bob, 2)] {
        update_until(game, "the events of the others", TIMEOUT, |world| {
            let received = recorded(world).iter().filter(|recorded| {
                recorded.contains(r#" client-"#) && recorded.contains(r#"{"hand":"left"}"#)
            });
            received.count() == count
        });
    }

    // A member leaves.
    drop(cleo);
    for (game, room) in [(&mut ann, rooms[0]), (&mut bob, rooms[1])] {
        expect_recorded(game, "presence-room -cleo");
        assert_eq!(members(game.world(), room), ["ann", "bob"]);
    }
}
