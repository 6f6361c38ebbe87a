//! Tests of presence channels: the roster and its changes.

use serde_json::{Value, json};

use super::*;

fn roster(ids: Value, hash: Value) -> Value {
    let count = ids.as_array().map_or(0, Vec::len);
    json!({"presence": {"count": count, "ids": ids, "hash": hash}})
}

fn succeed(socket: &ScriptedConnection, channel: &str, data: Value) {
    socket.send(json!({
        "event": "pusher_internal:subscription_succeeded",
        "channel": channel,
        "data": data,
    }));
}

/// A membership event with its data as a string, as all servers send it.
fn send_change(socket: &ScriptedConnection, change: &str, data: Value) {
    socket.event("presence-room", &format!("pusher_internal:{change}"), &data);
}

/// Returns a game on a presence channel as `ann`, with these members.
fn in_room(ids: Value, hash: Value) -> (Harness, ScriptedConnection, Entity) {
    let (mut harness, socket) = Harness::online_with(|config| authorize_as(config, "ann"));
    let room = harness.spawn("presence-room");
    socket.expect_event("pusher:subscribe", TIMEOUT);
    succeed(
        &socket,
        "presence-room",
        json!(roster(ids, hash).to_string()),
    );
    harness.wait_until_subscribed(room);
    (harness, socket, room)
}

impl Harness {
    /// Returns the members as `id info` in order, with the own member marked.
    fn members(&self, entity: Entity) -> Vec<String> {
        let members = self.app.world().get::<PusherMembers>(entity).unwrap();
        let me = members.me().map(|me| me.id());
        let text = |member: &bevy_pusher::Member| {
            let mark = if me == Some(member.id()) { "*" } else { "" };
            format!("{}{mark} {}", member.id(), member.info_json())
        };
        members.iter().map(text).collect()
    }

    fn has_members(&mut self, entity: Entity, expected: &[&str]) {
        self.until(&format!("the members {expected:?}"), |world| {
            let members = world.get::<PusherMembers>(entity);
            members.is_some_and(|members| members.len() == expected.len())
        });
        assert_eq!(self.members(entity), expected);
    }
}

// 11.42
#[test]
fn members_arrive_with_the_subscription_and_include_me() {
    let two = roster(
        json!(["bob", "ann"]),
        json!({"bob": null, "ann": {"name": "Ann"}}),
    );
    let without_hash = roster(json!(["bob", "ann"]), json!([]));
    let (mut harness, socket) = Harness::online_with(|config| authorize_as(config, "ann"));
    for (channel, data, expected) in [
        (
            "presence-text",
            json!(two.to_string()),
            vec![r#"ann* {"name":"Ann"}"#, "bob null"],
        ),
        (
            "presence-object",
            two,
            vec![r#"ann* {"name":"Ann"}"#, "bob null"],
        ),
        ("presence-ids", without_hash, vec!["ann* null", "bob null"]),
        ("presence-nobody", roster(json!([]), json!([])), vec![]),
        ("presence-empty", json!("{}"), vec![]),
    ] {
        let room = harness.spawn(channel);
        socket.expect_event("pusher:subscribe", TIMEOUT);
        succeed(&socket, channel, data);
        harness.wait_until_subscribed(room);
        harness.has_members(room, &expected);
        let members = harness.app.world().get::<PusherMembers>(room).unwrap();
        assert_eq!(members.is_empty(), expected.is_empty());
        assert!(!members.is_stale());
    }
    assert!(
        !harness
            .recorded()
            .iter()
            .any(|recorded| recorded.contains('+')),
        "{:?}",
        harness.recorded()
    );
    assert!(harness.errors().is_empty());
}

// 11.43, 11.44: a known member only updates its info and does not join a second time.
#[test]
fn join_and_leave_are_reported_once_with_the_user_info() {
    #[derive(Resource, Default)]
    struct Seen(Vec<String>);
    let (mut harness, socket, room) = in_room(json!(["ann"]), json!({"ann": {"name": "ann"}}));
    harness
        .app
        .init_resource::<Seen>()
        .add_observer(
            |joined: On<PusherMemberJoined>,
             members: Query<&PusherMembers>,
             mut seen: ResMut<Seen>| {
                let count = members.get(joined.entity()).unwrap().len();
                seen.0.push(format!("+{:?} of {count}", joined.member()));
            },
        )
        .add_observer(
            |left: On<PusherMemberLeft>, members: Query<&PusherMembers>, mut seen: ResMut<Seen>| {
                let count = members.get(left.entity()).unwrap().len();
                seen.0.push(format!("-{:?} of {count}", left.member()));
            },
        );
    send_change(
        &socket,
        "member_added",
        json!({"user_id": "bob", "user_info": {"team": 1}}),
    );
    send_change(
        &socket,
        "member_added",
        json!({"user_id": "bob", "user_info": {"team": 2}}),
    );
    send_change(
        &socket,
        "member_added",
        json!({"user_id": "cid", "extra": [1]}),
    );
    send_change(&socket, "member_removed", json!({"user_id": "nobody"}));
    send_change(&socket, "member_removed", json!({"user_id": "bob"}));
    send_change(&socket, "member_removed", json!({"user_id": "bob"}));
    harness.expect_delivery(&socket, "presence-room", 1);
    assert_eq!(
        harness.app.world().resource::<Seen>().0,
        [
            r#"+bob: {"team":1} of 2"#,
            "+cid: null of 3",
            r#"-bob: {"team":2} of 2"#
        ]
    );
    harness.has_members(room, &[r#"ann* {"name":"ann"}"#, "cid null"]);
    assert!(harness.errors().is_empty());
}

// 11.45
#[test]
fn numeric_and_string_user_ids_are_the_same_member() {
    let large = 9_007_199_254_740_993_u64;
    let auth = move |request: &bevy_pusher::auth::AuthRequest| {
        let data = format!(r#"{{"user_id":{large},"user_info":{{}}}}"#);
        let auth = ChannelAuthorization::new(format!("key:{}", request.socket_id()));
        Ok(auth.with_channel_data(data))
    };
    let (mut harness, socket) =
        Harness::online_with(|config| config.with_authorizer(authorize_with(auth)));
    let room = harness.spawn("presence-room");
    let data = &socket.expect_event("pusher:subscribe", TIMEOUT)["data"];
    assert_eq!(
        data["channel_data"],
        r#"{"user_id":9007199254740993,"user_info":{}}"#
    );
    let hash = json!({large.to_string(): {"name": "me"}, "51169": null});
    succeed(
        &socket,
        "presence-room",
        roster(json!([large, 51169]), hash),
    );
    harness.wait_until_subscribed(room);
    let me = r#"9007199254740993* {"name":"me"}"#;
    harness.has_members(room, &["51169 null", me]);
    send_change(
        &socket,
        "member_added",
        json!({"user_id": 51169, "user_info": 1}),
    );
    send_change(
        &socket,
        "member_added",
        json!({"user_id": "51169", "user_info": 2}),
    );
    harness.expect_delivery(&socket, "presence-room", 1);
    harness.has_members(room, &["51169 2", me]);
    send_change(&socket, "member_removed", json!({"user_id": 51169}));
    harness.expect_recorded("presence-room -51169");
    harness.has_members(room, &[me]);
}

// 11.46
#[test]
fn members_are_stale_after_a_loss_and_updated_on_resubscribe() {
    let info = json!({"ann": 1, "bob": 1, "cid": 1});
    let (mut harness, socket, room) = in_room(json!(["ann", "bob", "cid"]), info);
    harness.server.stop_listening();
    socket.cut();
    harness.until("the loss", |world| {
        world.get::<PusherMembers>(room).unwrap().is_stale()
    });
    assert_eq!(harness.members(room), ["ann* 1", "bob 1", "cid 1"]);
    assert!(
        !harness
            .recorded()
            .iter()
            .any(|recorded| recorded.contains(" -"))
    );
    harness.server.listen_again();
    let socket = harness.greet();
    socket.expect_event("pusher:subscribe", TIMEOUT);
    let now = roster(
        json!(["ann", "cid", "dot"]),
        json!({"ann": 1, "cid": 2, "dot": 1}),
    );
    succeed(&socket, "presence-room", json!(now.to_string()));
    harness.wait_until_subscribed(room);
    harness.expect_recorded("presence-room +dot*");
    harness.has_members(room, &["ann* 1", "cid 2", "dot 1"]);
    assert!(
        !harness
            .app
            .world()
            .get::<PusherMembers>(room)
            .unwrap()
            .is_stale()
    );
    assert_eq!(
        harness.recorded()[1..],
        [
            "presence-room pending",
            "presence-room subscribed again",
            "presence-room -bob*",
            "presence-room +dot*"
        ]
    );
}

#[test]
fn rejoining_a_presence_channel_fetches_the_members_again() {
    let (mut harness, socket, room) = in_room(json!(["ann", "bob"]), json!({}));
    let mut entity = harness.app.world_mut().entity_mut(room);
    entity.remove::<PusherChannel>();
    harness.frame();
    assert!(harness.app.world().get::<PusherMembers>(room).is_none());
    assert_eq!(socket.expect_json(TIMEOUT), unsubscribe("presence-room"));
    let mut entity = harness.app.world_mut().entity_mut(room);
    entity.insert(PusherChannel::from("presence-room"));
    harness.frame();
    socket.expect_event("pusher:subscribe", TIMEOUT);
    assert!(harness.app.world().get::<PusherMembers>(room).is_none());
    succeed(&socket, "presence-room", roster(json!(["ann"]), json!({})));
    harness.wait_until_subscribed(room);
    harness.has_members(room, &["ann* null"]);
    let changes = harness
        .recorded()
        .iter()
        .any(|recorded| recorded.contains(['+', '*']) || recorded.contains(" -"));
    assert!(!changes, "{:?}", harness.recorded());
}

// 11.28, 11.41: internal messages of the protocol are not events of the channel.
#[test]
fn forged_membership_messages_change_nothing() {
    let (mut harness, socket, room) = in_room(json!(["ann"]), json!({}));
    let forged = json!({"event": "pusher_internal:member_removed", "channel": "presence-room",
        "data": {"user_id": "ann"}, "user_id": "mallory"});
    socket.send(forged);
    for data in [
        json!({}),
        json!([]),
        json!("x"),
        json!({"user_id": null}),
        json!({"user_id": {}}),
    ] {
        send_change(&socket, "member_added", data.clone());
        send_change(&socket, "member_removed", data);
    }
    harness.expect_delivery(&socket, "presence-room", 1);
    harness.has_members(room, &["ann* null"]);
    assert_eq!(
        harness.recorded(),
        ["presence-room subscribed", "presence-room still-here 1"]
    );
    let broken = harness.errors();
    assert_eq!(broken.len(), 10);
    for report in broken {
        let message = report.error().to_string();
        assert!(
            message.contains("message without its required fields"),
            "{message}"
        );
    }
}
