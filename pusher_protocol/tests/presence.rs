//! Members of presence channels.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use pusher_protocol::{
    protocol::{ChannelAuthorization, Roster},
    session::{Input, Membership, Notice},
};
use serde_json::{Value, json};
use support::*;

fn ids(roster: &Roster) -> Vec<&str> {
    roster.iter().map(|member| member.id()).collect()
}

fn roster_of(outputs: &[TestOutput]) -> Roster {
    let roster = |notice: &Notice| match notice {
        Notice::Members { roster, .. } => Some((**roster).clone()),
        _ => None,
    };
    notices(outputs)
        .iter()
        .find_map(roster)
        .expect("a roster was reported")
}

/// Lists who joined (+) and left (-), with * if it was detected after a gap.
fn memberships(outputs: &[TestOutput]) -> Vec<String> {
    let word = |sign: char, change: &Membership| {
        format!(
            "{sign}{}{}",
            change.member.id(),
            if change.while_away { "*" } else { "" }
        )
    };
    notices(outputs)
        .iter()
        .filter_map(|notice| match notice {
            Notice::MemberJoined(change) => Some(word('+', change)),
            Notice::MemberLeft(change) => Some(word('-', change)),
            _ => None,
        })
        .collect()
}

fn added(channel: &str, data: &Value) -> Value {
    json!({"event": "pusher_internal:member_added", "channel": channel, "data": data.to_string()})
}

fn removed(channel: &str, data: &Value) -> Value {
    json!({"event": "pusher_internal:member_removed", "channel": channel, "data": data.to_string()})
}

#[test]
fn the_first_roster_contains_me() {
    let mut client = Client::connected();
    let outputs = client.join("presence-lobby", "b", &["a", "b"]);
    let roster = roster_of(&outputs);
    assert_eq!(ids(&roster), ["a", "b"]);
    assert_eq!(roster.me().unwrap().id(), "b");
    assert_eq!(memberships(&outputs), [] as [&str; 0]);
}

#[test]
fn a_numeric_id_in_channel_data_matches_its_string() {
    for id in ["7", "9007199254740993"] {
        let mut client = Client::connected();
        let request_id = request(&client.want("presence-lobby"));
        let answer =
            ChannelAuthorization::new("k:s").with_channel_data(format!("{{\"user_id\":{id}}}"));
        client.input(Input::Authorized(request_id, Ok(answer)));
        let outputs = client.confirm_presence("presence-lobby", &[id]);
        assert_eq!(roster_of(&outputs).me().unwrap().id(), id);
    }
}

#[test]
fn joins_and_leaves_are_reported_once_per_user() {
    let mut client = Client::connected();
    client.join("presence-lobby", "a", &["a"]);
    let joined = added(
        "presence-lobby",
        &json!({"user_id": "b", "user_info": {"name": "B"}}),
    );
    let left = removed("presence-lobby", &json!({"user_id": "b"}));
    assert_eq!(memberships(&client.frame(&joined).1), ["+b"]);
    assert_eq!(client.frame(&joined).1, []);
    let outputs = client.frame(&left).1;
    assert_eq!(memberships(&outputs), ["-b"]);
    let [Notice::MemberLeft(change)] = &notices(&outputs)[..] else {
        panic!("{outputs:?}")
    };
    assert_eq!(change.member.info_json(), r#"{"name":"B"}"#);
    assert_eq!(ids(&change.roster), ["a"]);
    assert_eq!(client.frame(&left).1, []);
}

#[test]
fn new_info_of_a_member_updates_the_roster_without_a_join() {
    let mut client = Client::connected();
    client.join("presence-lobby", "a", &["a"]);
    let outputs = client
        .frame(&added(
            "presence-lobby",
            &json!({"user_id": "a", "user_info": {"name": "New"}}),
        ))
        .1;
    assert_eq!(memberships(&outputs), [] as [&str; 0]);
    assert_eq!(
        roster_of(&outputs).get("a").unwrap().info_json(),
        r#"{"name":"New"}"#
    );
}

#[test]
fn after_a_gap_the_roster_difference_is_reported() {
    let mut client = Client::connected();
    client.join("presence-lobby", "a", &["a", "b"]);
    client.lose();
    client.wait_for_dial();
    let request_id = request(&client.establish());
    client.authorize_as(request_id, "a");
    let outputs = client.confirm_presence("presence-lobby", &["a", "c"]);
    assert_eq!(ids(&roster_of(&outputs)), ["a", "c"]);
    assert_eq!(memberships(&outputs), ["-b*", "+c*"]);
    assert!(matches!(
        notices(&outputs)[0],
        Notice::Subscription { gap: Some(_), .. }
    ));
}

#[test]
fn unsubscribing_drops_the_members() {
    let mut client = Client::connected();
    client.join("presence-lobby", "a", &["a", "b"]);
    client.unsubscribe("presence-lobby");
    let outputs = client.join("presence-lobby", "a", &["a", "c"]);
    assert_eq!(memberships(&outputs), [] as [&str; 0]);
    assert_eq!(ids(&roster_of(&outputs)), ["a", "c"]);
}

#[test]
fn forged_protocol_messages_are_ignored() {
    let forged = |channel: &str| {
        [
            added(channel, &json!({"user_id": "evil"})),
            removed(channel, &json!({"user_id": "a"})),
            json!({"event": "pusher_internal:subscription_succeeded", "channel": channel, "data": "{}"}),
        ]
    };
    let mut client = Client::connected();
    for frame in forged("presence-unwanted")
        .iter()
        .chain(&forged("private-room"))
    {
        assert_eq!(client.frame(frame), (None, vec![]));
    }
    client.want("presence-lobby");
    for frame in &forged("presence-lobby") {
        assert_eq!(client.frame(frame), (None, vec![]), "not requested yet");
    }
    client.join("presence-other", "a", &["a"]);
    for mut frame in forged("presence-other") {
        assert!(
            frame["event"] != "pusher_internal:subscription_succeeded"
                || client.frame(&frame) == (None, vec![])
        );
        frame["user_id"] = json!("evil");
        assert_eq!(
            client.frame(&frame),
            (None, vec![]),
            "relayed from another player"
        );
    }
    client.subscribe("private-room");
    for frame in &forged("private-room") {
        assert_eq!(client.frame(frame), (None, vec![]));
    }
}

#[test]
fn membership_messages_without_a_user_are_reported() {
    let mut client = Client::connected();
    client.join("presence-lobby", "a", &["a"]);
    for data in [
        json!({}),
        json!(null),
        json!({"user_id": null}),
        json!([]),
        json!("text"),
    ] {
        for frame in [
            added("presence-lobby", &data),
            removed("presence-lobby", &data),
        ] {
            let (event, outputs) = client.frame(&frame);
            assert_eq!(event, None);
            assert!(
                matches!(&outputs[..], [TestOutput::Notice(Notice::Error { .. })]),
                "{frame}: {outputs:?}"
            );
        }
    }
}

#[test]
fn client_events_have_a_sender_only_on_presence_channels() {
    let mut client = Client::connected();
    client.join("presence-lobby", "a", &["a", "b"]);
    client.subscribe("private-room");
    let event = |channel: &str| json!({"event": "client-move", "channel": channel, "data": {"x": 1}, "user_id": "b"});
    assert_eq!(
        client
            .frame(&event("presence-lobby"))
            .0
            .unwrap()
            .user_id
            .as_deref(),
        Some("b")
    );
    assert_eq!(
        client.frame(&event("private-room")).0.unwrap().user_id,
        None
    );
}

#[test]
fn an_authorization_without_identity_needs_a_sign_in() {
    let mut client = Client::connected();
    let request_id = request(&client.want("presence-lobby"));
    let outputs = client.authorize(request_id);
    assert!(frames(&outputs).is_empty());
    assert!(statuses(&outputs)[0].1 != pusher_protocol::session::SubscriptionStatus::Subscribing);
}
