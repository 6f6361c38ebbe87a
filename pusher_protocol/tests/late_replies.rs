//! Replies of the server after their timeout, or after user code changed its mind.
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

fn refuse(client: &mut Client, channel: &str) -> Vec<TestOutput> {
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

fn status(channel: &str, status: SubscriptionStatus) -> (String, SubscriptionStatus) {
    (channel.into(), status)
}

fn members(outputs: &[TestOutput]) -> Vec<usize> {
    let members = |notice| match notice {
        Notice::Members { roster, .. } => Some(roster.len()),
        _ => None,
    };
    notices(outputs).into_iter().filter_map(members).collect()
}

#[test]
fn a_forged_success_after_a_silent_refusal_is_ignored() {
    let mut client = Client::connected();
    let request_id = request(&client.want("presence-room"));
    client.authorize_as(request_id, "u1");
    client.wait(10 * SECOND);
    let request_id = request(&client.command(Command::Retry(name("presence-room"))));
    client.authorize_as(request_id, "u1");
    let outputs = client.confirm_presence("presence-room", &["u1"]);
    assert_eq!(members(&outputs), [1]);
    client.wait(10 * SECOND);
    let second_reply = client.confirm_presence("presence-room", &["u1", "u2"]);
    assert_eq!(second_reply, []);
    assert!(statuses(&refuse(&mut client, "presence-room")).is_empty());
}

/// A client that has sent two subscribe requests for `presence-room`. The first timed out; no reply has arrived.
fn client_awaiting_two_replies() -> Client {
    let mut client = Client::connected();
    let request_id = request(&client.want("presence-room"));
    client.authorize_as(request_id, "u1");
    client.wait(10 * SECOND);
    client.unsubscribe("presence-room");
    let request_id = request(&client.want("presence-room"));
    client.authorize_as(request_id, "u1");
    client
}

#[test]
fn the_second_of_two_late_replies_has_the_members() {
    let mut client = client_awaiting_two_replies();
    client.wait(12 * SECOND);
    let first = client.confirm_presence("presence-room", &["u1"]);
    let second = client.confirm_presence("presence-room", &["u1", "u2"]);
    assert_eq!((members(&first), members(&second)), (vec![1], vec![2]));
}

#[test]
fn a_late_refusal_is_reported_and_ends_the_subscription() {
    let mut client = Client::connected();
    client.want("lobby");
    client.wait(10 * SECOND);
    assert_eq!(
        statuses(&refuse(&mut client, "lobby")),
        [status("lobby", refused())]
    );
    let outputs = client.command(Command::Retry(name("lobby")));
    assert_eq!(frames(&outputs), [subscribe_frame("lobby")]);
}

#[test]
fn a_late_refusal_does_not_hide_a_later_subscription() {
    let mut client = Client::connected();
    client.want("lobby");
    client.wait(10 * SECOND);
    let again = [unsubscribe_frame("lobby"), subscribe_frame("lobby")];
    let outputs = client.command(Command::Retry(name("lobby")));
    assert_eq!(frames(&outputs), again);
    refuse(&mut client, "lobby");
    let mut outputs = client.command(Command::Retry(name("lobby")));
    outputs.extend(client.wait(2 * SECOND));
    assert_eq!(
        frames(&outputs),
        again,
        "the server may hold the second subscription"
    );
    let outputs = client.confirm("lobby");
    assert_eq!(statuses(&outputs), [status("lobby", Subscribed)]);
}

#[test]
fn a_refusal_after_an_earlier_confirmation_counts() {
    let mut client = Client::connected();
    client.want("lobby");
    client.wait(10 * SECOND);
    client.unsubscribe("lobby");
    client.want("lobby");
    let outputs = client.confirm("lobby");
    assert_eq!(statuses(&outputs), [status("lobby", Subscribed)]);
    let error = json!({"event": "pusher:error", "channel": "lobby", "data": {"code": 4301}});
    assert!(statuses(&client.frame(&error).1).is_empty());
    let outputs = refuse(&mut client, "lobby");
    assert_eq!(statuses(&outputs), [status("lobby", refused())]);
    assert!(statuses(&refuse(&mut client, "lobby")).is_empty());
}

#[test]
fn the_last_of_several_replies_has_the_members() {
    let mut client = client_awaiting_two_replies();
    let outputs = client.confirm_presence("presence-room", &["u1"]);
    assert_eq!(members(&outputs), [1]);
    let outputs = client.confirm_presence("presence-room", &["u1", "u2"]);
    assert_eq!(members(&outputs), [2]);
    let outputs = client.confirm_presence("presence-room", &["u1"]);
    assert!(members(&outputs).is_empty(), "no further reply is expected");
}
