//! Who is on a presence channel, as the game sees it.

use serde_json::{Value, json};

use super::*;

fn roster(ids: Value, hash: Value) -> Value {
    let count = ids.as_array().map_or(0, Vec::len);
    json!({"presence": {"count": count, "ids": ids, "hash": hash}})
}

fn succeed(line: &ScriptedConnection, channel: &str, data: Value) {
    line.send(json!({
        "event": "pusher_internal:subscription_succeeded",
        "channel": channel,
        "data": data,
    }));
}

/// A membership event, its data as a text as all servers send it.
fn tell(line: &ScriptedConnection, change: &str, data: Value) {
    line.event("presence-room", &format!("pusher_internal:{change}"), &data);
}

/// A game on a presence channel as `ann`, with these members.
fn in_room(ids: Value, hash: Value) -> (Play, ScriptedConnection, Entity) {
    let (mut play, line) = Play::online_with(|config| let_in(config, "ann"));
    let room = play.spawn("presence-room");
    line.expect_event("pusher:subscribe", SOON);
    succeed(&line, "presence-room", json!(roster(ids, hash).to_string()));
    play.subscribed(room);
    (play, line, room)
}

impl Play {
    /// The members as `id info` in their order, this client marked.
    fn members(&self, entity: Entity) -> Vec<String> {
        let members = self.app.world().get::<PusherMembers>(entity).unwrap();
        let me = members.me().map(|me| me.id());
        let word = |member: &bevy_pusher::Member| {
            let mark = if me == Some(member.id()) { "*" } else { "" };
            format!("{}{mark} {}", member.id(), member.info_json())
        };
        members.iter().map(word).collect()
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
fn the_members_are_there_with_the_subscription_and_one_is_me() {
    let two = roster(
        json!(["bob", "ann"]),
        json!({"bob": null, "ann": {"name": "Ann"}}),
    );
    let without_hash = roster(json!(["bob", "ann"]), json!([]));
    let (mut play, line) = Play::online_with(|config| let_in(config, "ann"));
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
        let room = play.spawn(channel);
        line.expect_event("pusher:subscribe", SOON);
        succeed(&line, channel, data);
        play.subscribed(room);
        play.has_members(room, &expected);
        let members = play.app.world().get::<PusherMembers>(room).unwrap();
        assert_eq!(members.is_empty(), expected.is_empty());
        assert!(!members.is_stale());
    }
    assert!(
        !play.told().iter().any(|told| told.contains('+')),
        "{:?}",
        play.told()
    );
    assert!(play.errors().is_empty());
}

// 11.43, 11.44: who is known already only brings new info, and does not come a second time.
#[test]
fn joining_and_leaving_is_told_once_with_what_is_known_of_them() {
    #[derive(Resource, Default)]
    struct Seen(Vec<String>);
    let (mut play, line, room) = in_room(json!(["ann"]), json!({"ann": {"name": "ann"}}));
    play.app
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
    tell(
        &line,
        "member_added",
        json!({"user_id": "bob", "user_info": {"team": 1}}),
    );
    tell(
        &line,
        "member_added",
        json!({"user_id": "bob", "user_info": {"team": 2}}),
    );
    tell(
        &line,
        "member_added",
        json!({"user_id": "cid", "extra": [1]}),
    );
    tell(&line, "member_removed", json!({"user_id": "nobody"}));
    tell(&line, "member_removed", json!({"user_id": "bob"}));
    tell(&line, "member_removed", json!({"user_id": "bob"}));
    play.hears(&line, "presence-room", 1);
    assert_eq!(
        play.app.world().resource::<Seen>().0,
        [
            r#"+bob: {"team":1} of 2"#,
            "+cid: null of 3",
            r#"-bob: {"team":2} of 2"#
        ]
    );
    play.has_members(room, &[r#"ann* {"name":"ann"}"#, "cid null"]);
    assert!(play.errors().is_empty());
}

// 11.45
#[test]
fn a_number_and_its_digits_are_one_and_the_same_member() {
    let large = 9_007_199_254_740_993_u64;
    let auth = move |request: &bevy_pusher::auth::AuthRequest| {
        let data = format!(r#"{{"user_id":{large},"user_info":{{}}}}"#);
        let auth = ChannelAuthorization::new(format!("key:{}", request.socket_id()));
        Ok(auth.with_channel_data(data))
    };
    let (mut play, line) = Play::online_with(|config| config.with_authorizer(authorize_with(auth)));
    let room = play.spawn("presence-room");
    let data = &line.expect_event("pusher:subscribe", SOON)["data"];
    assert_eq!(
        data["channel_data"],
        r#"{"user_id":9007199254740993,"user_info":{}}"#
    );
    let hash = json!({large.to_string(): {"name": "me"}, "51169": null});
    succeed(&line, "presence-room", roster(json!([large, 51169]), hash));
    play.subscribed(room);
    let me = r#"9007199254740993* {"name":"me"}"#;
    play.has_members(room, &["51169 null", me]);
    tell(
        &line,
        "member_added",
        json!({"user_id": 51169, "user_info": 1}),
    );
    tell(
        &line,
        "member_added",
        json!({"user_id": "51169", "user_info": 2}),
    );
    play.hears(&line, "presence-room", 1);
    play.has_members(room, &["51169 2", me]);
    tell(&line, "member_removed", json!({"user_id": 51169}));
    play.has_been_told("presence-room -51169");
    play.has_members(room, &[me]);
}

// 11.46
#[test]
fn after_a_loss_the_members_are_stale_and_then_the_servers_with_the_difference_told() {
    let info = json!({"ann": 1, "bob": 1, "cid": 1});
    let (mut play, line, room) = in_room(json!(["ann", "bob", "cid"]), info);
    play.server.stop_listening();
    line.cut();
    play.until("the loss", |world| {
        world.get::<PusherMembers>(room).unwrap().is_stale()
    });
    assert_eq!(play.members(room), ["ann* 1", "bob 1", "cid 1"]);
    assert!(!play.told().iter().any(|told| told.contains(" -")));
    play.server.listen_again();
    let line = play.greet();
    line.expect_event("pusher:subscribe", SOON);
    let now = roster(
        json!(["ann", "cid", "dot"]),
        json!({"ann": 1, "cid": 2, "dot": 1}),
    );
    succeed(&line, "presence-room", json!(now.to_string()));
    play.subscribed(room);
    play.has_been_told("presence-room +dot*");
    play.has_members(room, &["ann* 1", "cid 2", "dot 1"]);
    assert!(
        !play
            .app
            .world()
            .get::<PusherMembers>(room)
            .unwrap()
            .is_stale()
    );
    assert_eq!(
        play.told()[1..],
        [
            "presence-room pending",
            "presence-room subscribed again",
            "presence-room -bob*",
            "presence-room +dot*"
        ]
    );
}

#[test]
fn leaving_forgets_the_members_and_coming_back_learns_them_anew() {
    let (mut play, line, room) = in_room(json!(["ann", "bob"]), json!({}));
    let mut entity = play.app.world_mut().entity_mut(room);
    entity.remove::<PusherChannel>();
    play.frame();
    assert!(play.app.world().get::<PusherMembers>(room).is_none());
    assert_eq!(line.expect_json(SOON), unsubscribe("presence-room"));
    let mut entity = play.app.world_mut().entity_mut(room);
    entity.insert(PusherChannel::from("presence-room"));
    play.frame();
    line.expect_event("pusher:subscribe", SOON);
    assert!(play.app.world().get::<PusherMembers>(room).is_none());
    succeed(&line, "presence-room", roster(json!(["ann"]), json!({})));
    play.subscribed(room);
    play.has_members(room, &["ann* null"]);
    let changes = play
        .told()
        .iter()
        .any(|told| told.contains(['+', '*']) || told.contains(" -"));
    assert!(!changes, "{:?}", play.told());
}

// 11.28, 11.41: what the protocol says of itself is not an event of the channel's.
#[test]
fn membership_messages_are_no_events_and_forged_or_broken_ones_move_nothing() {
    let (mut play, line, room) = in_room(json!(["ann"]), json!({}));
    let forged = json!({"event": "pusher_internal:member_removed", "channel": "presence-room",
        "data": {"user_id": "ann"}, "user_id": "mallory"});
    line.send(forged);
    for data in [
        json!({}),
        json!([]),
        json!("x"),
        json!({"user_id": null}),
        json!({"user_id": {}}),
    ] {
        tell(&line, "member_added", data.clone());
        tell(&line, "member_removed", data);
    }
    play.hears(&line, "presence-room", 1);
    play.has_members(room, &["ann* null"]);
    assert_eq!(
        play.told(),
        ["presence-room subscribed", "presence-room still-here 1"]
    );
    let broken = play.errors();
    assert_eq!(broken.len(), 10);
    for report in broken {
        let words = report.error().to_string();
        assert!(words.contains("came without what it must hold"), "{words}");
    }
}
