//! Answers of the server that come after their wait was over, or after the game changed its mind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use pusher_protocol::session::{
    Command, Notice, SubscriptionError,
    SubscriptionStatus::{self, Failed, Subscribed},
};
use serde_json::json;
use support::*;

fn refuse(client: &mut Client, channel: &str) -> Vec<Seen> {
    let data = json!({"error": "no", "status": 403});
    client
        .frame(&json!({"event": "pusher:subscription_error", "channel": channel, "data": data}))
        .1
}

fn refused() -> SubscriptionStatus {
    Failed(SubscriptionError::Refused {
        status: Some(403),
        message: "no".into(),
    })
}

fn told(channel: &str, status: SubscriptionStatus) -> (String, SubscriptionStatus) {
    (channel.into(), status)
}

fn members(seen: &[Seen]) -> Vec<usize> {
    let members = |notice| match notice {
        Notice::Members { roster, .. } => Some(roster.len()),
        _ => None,
    };
    notices(seen).into_iter().filter_map(members).collect()
}

#[test]
fn a_server_that_refused_in_silence_once_cannot_replace_the_members_unasked_later() {
    let mut client = Client::connected();
    let asked = request(&client.want("presence-room"));
    client.authorize_as(asked, "u1");
    client.wait(10 * SECOND);
    let asked = request(&client.command(Command::Retry(name("presence-room"))));
    client.authorize_as(asked, "u1");
    let seen = client.confirm_presence("presence-room", &["u1"]);
    assert_eq!(members(&seen), [1]);
    client.wait(10 * SECOND);
    let unasked = client.confirm_presence("presence-room", &["u1", "u2"]);
    assert_eq!(unasked, []);
    assert!(statuses(&refuse(&mut client, "presence-room")).is_empty());
}

#[test]
fn of_two_answers_that_both_come_too_late_the_second_has_the_members() {
    let mut client = Client::connected();
    let asked = request(&client.want("presence-room"));
    client.authorize_as(asked, "u1");
    client.wait(10 * SECOND);
    client.unwant("presence-room");
    let asked = request(&client.want("presence-room"));
    client.authorize_as(asked, "u1");
    client.wait(12 * SECOND);
    let first = client.confirm_presence("presence-room", &["u1"]);
    let second = client.confirm_presence("presence-room", &["u1", "u2"]);
    assert_eq!((members(&first), members(&second)), (vec![1], vec![2]));
}

#[test]
fn a_refusal_after_the_wait_says_why_and_leaves_nothing_to_give_up() {
    let mut client = Client::connected();
    client.want("lobby");
    client.wait(10 * SECOND);
    assert_eq!(
        statuses(&refuse(&mut client, "lobby")),
        [told("lobby", refused())]
    );
    let seen = client.command(Command::Retry(name("lobby")));
    assert_eq!(frames(&seen), [subscribe_frame("lobby")]);
}

#[test]
fn a_late_refusal_of_the_first_subscription_does_not_hide_the_second() {
    let mut client = Client::connected();
    client.want("lobby");
    client.wait(10 * SECOND);
    let again = [unsubscribe_frame("lobby"), subscribe_frame("lobby")];
    let seen = client.command(Command::Retry(name("lobby")));
    assert_eq!(frames(&seen), again);
    refuse(&mut client, "lobby");
    let mut seen = client.command(Command::Retry(name("lobby")));
    seen.extend(client.wait(2 * SECOND));
    assert_eq!(
        frames(&seen),
        again,
        "the server may hold the second subscription"
    );
    let seen = client.confirm("lobby");
    assert_eq!(statuses(&seen), [told("lobby", Subscribed)]);
}

#[test]
fn a_refusal_of_the_last_subscription_counts_though_an_earlier_one_was_granted() {
    let mut client = Client::connected();
    client.want("lobby");
    client.wait(10 * SECOND);
    client.unwant("lobby");
    client.want("lobby");
    let seen = client.confirm("lobby");
    assert_eq!(statuses(&seen), [told("lobby", Subscribed)]);
    let error = json!({"event": "pusher:error", "channel": "lobby", "data": {"code": 4301}});
    assert!(statuses(&client.frame(&error).1).is_empty());
    let seen = refuse(&mut client, "lobby");
    assert_eq!(statuses(&seen), [told("lobby", refused())]);
    assert!(statuses(&refuse(&mut client, "lobby")).is_empty());
}

#[test]
fn the_members_are_those_of_the_last_subscription_though_the_answer_to_an_earlier_one_comes_first()
{
    let mut client = Client::connected();
    let asked = request(&client.want("presence-room"));
    client.authorize_as(asked, "u1");
    client.wait(10 * SECOND);
    client.unwant("presence-room");
    let asked = request(&client.want("presence-room"));
    client.authorize_as(asked, "u1");
    let seen = client.confirm_presence("presence-room", &["u1"]);
    assert_eq!(members(&seen), [1]);
    let seen = client.confirm_presence("presence-room", &["u1", "u2"]);
    assert_eq!(members(&seen), [2]);
    let seen = client.confirm_presence("presence-room", &["u1"]);
    assert!(members(&seen).is_empty(), "nothing more is awaited");
}
