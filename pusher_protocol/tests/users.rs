//! Signing in, events to the signed-in user, and signing out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use pusher_protocol::{
    config::RetryPolicy,
    protocol::AuthError,
    session::{
        Command, EventTarget, Input, Notice, PusherError, SessionConfig, SignInError, SignInState,
        SubscriptionError, SubscriptionStatus,
    },
};
use serde_json::{Value, json};
use support::*;

fn sign_ins(outputs: &[TestOutput]) -> Vec<SignInState> {
    let state = |notice| {
        if let Notice::SignIn(state) = notice {
            Some(state)
        } else {
            None
        }
    };
    notices(outputs).into_iter().filter_map(state).collect()
}

fn success(user_data: &Value) -> Value {
    json!({"event": "pusher:signin_success", "data": {"user_data": user_data.to_string()}})
}

/// The server accepts the user and confirms their own channel.
fn succeed(client: &mut Client, user_data: &Value) -> Vec<TestOutput> {
    let (_, mut outputs) = client.frame(&success(user_data));
    outputs.extend(client.frame(&user_channel_confirmed()).1);
    outputs
}

fn signed_in(client: &mut Client) -> Vec<TestOutput> {
    let request_id = request(&client.command(Command::SignIn));
    client.authenticate(request_id, &json!({"id": "u1"}));
    succeed(client, &json!({"id": "u1"}))
}

fn user_channel_confirmed() -> Value {
    json!({"event": "pusher_internal:subscription_succeeded", "channel": "#server-to-user-u1", "data": "{}"})
}

fn user_channel() -> Value {
    json!({"event": "pusher:subscribe", "data": {"channel": "#server-to-user-u1", "auth": ""}})
}

#[test]
fn a_sign_in_authenticates_and_subscribes_the_user_channel() {
    let mut client = Client::new(SessionConfig::default());
    assert_eq!(client.command(Command::SignIn), []);
    client.command(Command::Connect);
    let outputs = client.establish();
    let request_id = request(&outputs);
    assert!(outputs.contains(&TestOutput::Authenticate(request_id, "1.1".into())));
    assert_eq!(client.command(Command::SignIn), []);
    let outputs = client.authenticate(request_id, &json!({"id": "u1", "user_info": {"name": "A"}}));
    let user_data = json!({"id": "u1", "user_info": {"name": "A"}}).to_string();
    assert_eq!(
        frames(&outputs),
        [
            json!({"event": "pusher:signin", "data": {"auth": "key:signature", "user_data": user_data}})
        ]
    );
    let outputs = succeed(
        &mut client,
        &json!({"id": "u1", "user_info": {"name": "A"}}),
    );
    assert_eq!(frames(&outputs), [user_channel()]);
    assert!(matches!(&sign_ins(&outputs)[..], [SignInState::SignedIn { id, .. }] if &**id == "u1"));
}

#[test]
fn sign_in_success_data_has_several_forms() {
    for data in [
        json!({"user_data": "{\"id\":\"u1\"}"}),
        json!("{\"user_data\":\"{\\\"id\\\":\\\"u1\\\"}\"}"),
        json!({"user_data": {"id": "u1"}}),
    ] {
        let mut client = Client::connected();
        let request_id = request(&client.command(Command::SignIn));
        client.authenticate(request_id, &json!({"id": "u1"}));
        let (_, outputs) = client.frame(&json!({"event": "pusher:signin_success", "data": data}));
        assert_eq!(frames(&outputs), [user_channel()], "{data}");
    }
}

#[test]
fn a_sign_in_success_without_a_user_is_a_failure() {
    for data in [
        json!(null),
        json!({}),
        json!({"user_data": "no"}),
        json!({"user_data": "{\"id\":\"\"}"}),
    ] {
        let mut client = Client::connected();
        let request_id = request(&client.command(Command::SignIn));
        client.authenticate(request_id, &json!({"id": "u1"}));
        let (_, outputs) = client.frame(&json!({"event": "pusher:signin_success", "data": data}));
        assert_eq!(frames(&outputs), [] as [Value; 0]);
        assert_eq!(
            sign_ins(&outputs),
            [SignInState::Failed(SignInError::NoUser)]
        );
    }
}

/// A client whose sign-in the server accepted, before the confirmation of the user's own channel.
fn accepted() -> Client {
    let mut client = Client::connected();
    let request_id = request(&client.command(Command::SignIn));
    client.authenticate(request_id, &json!({"id": "u1"}));
    let (_, outputs) = client.frame(&success(&json!({"id": "u1"})));
    assert_eq!(frames(&outputs), [user_channel()]);
    assert_eq!(sign_ins(&outputs), []);
    client
}

fn is_reported(outputs: &[TestOutput]) -> bool {
    matches!(&sign_ins(outputs)[..], [SignInState::SignedIn { id, .. }] if &**id == "u1")
}

#[test]
fn a_sign_in_is_reported_once_user_events_can_arrive() {
    let (_, outputs) = accepted().frame(&user_channel_confirmed());
    assert!(is_reported(&outputs));
}

#[test]
fn an_unconfirmed_user_channel_delays_the_sign_in_by_2_s() {
    let mut client = accepted();
    assert_eq!(sign_ins(&client.wait(SECOND)), []);
    assert!(is_reported(&client.wait(SECOND)));
    assert_eq!(client.frame(&user_channel_confirmed()), (None, vec![]));
}

#[test]
fn a_user_event_comes_after_the_sign_in_notice() {
    let mut client = accepted();
    let event = json!({"event": "match-found", "channel": "#server-to-user-u1", "data": "{}"});
    let (handed_back, outputs) = client.frame(&event);
    assert_eq!(handed_back, None);
    let [notice, Notice::Event(event)] = &notices(&outputs)[..] else {
        panic!("{outputs:?}");
    };
    assert!(matches!(
        notice,
        Notice::SignIn(SignInState::SignedIn { .. })
    ));
    assert_eq!(
        (&*event.event, &event.target),
        ("match-found", &EventTarget::User)
    );
}

#[test]
fn a_refused_user_channel_does_not_fail_the_sign_in() {
    let refusal = json!({
        "event": "pusher:subscription_error", "channel": "#server-to-user-u1",
        "data": {"status": 403, "error": "not for you"}
    });
    let (_, outputs) = accepted().frame(&refusal);
    assert!(is_reported(&outputs));
    let error = PusherError::Server {
        code: Some(403),
        message: "not for you".into(),
        channel: None,
    };
    assert!(notices(&outputs).contains(&Notice::Error { error, attempt: 0 }));
}

#[test]
fn user_events_are_delivered_only_while_signed_in() {
    let mut client = Client::connected();
    let to_user = json!({"event": "match-found", "channel": "#server-to-user-u1", "data": "{}"});
    assert_eq!(client.frame(&to_user), (None, vec![]));
    signed_in(&mut client);
    assert_eq!(client.frame(&to_user).0.unwrap().target, EventTarget::User);
    let other = json!({"event": "match-found", "channel": "#server-to-user-u2", "data": "{}"});
    assert_eq!(client.frame(&other), (None, vec![]));
    assert_eq!(client.frame(&user_channel_confirmed()), (None, vec![]));
}

#[test]
fn every_dial_failure_is_reported() {
    let mut client = Client::connected_with(SessionConfig {
        auth_retry: RetryPolicy::never(),
        ..SessionConfig::default()
    });
    let request_id = request(&client.command(Command::SignIn));
    let error = AuthError::http(403, "no");
    let outputs = client.input(Input::Authenticated(request_id, Err(error.clone())));
    assert_eq!(sign_ins(&outputs), [SignInState::Failed(error.into())]);

    let request_id = request(&client.command(Command::SignIn));
    let outputs = client.wait(10 * SECOND);
    assert_eq!(
        sign_ins(&outputs),
        [SignInState::Failed(AuthError::TimedOut.into())]
    );
    assert_eq!(client.authenticate(request_id, &json!({"id": "u1"})), []);

    let request_id = request(&client.command(Command::SignIn));
    client.authenticate(request_id, &json!({"id": "u1"}));
    let (_, outputs) =
        client.frame(&json!({"event": "pusher:error", "data": {"code": 4009, "message": "bad"}}));
    let refused = SignInError::Refused {
        code: Some(4009),
        message: "bad".into(),
    };
    assert_eq!(sign_ins(&outputs), [SignInState::Failed(refused)]);

    client.wait(5 * SECOND);
    let request_id = request(&client.command(Command::SignIn));
    client.authenticate(request_id, &json!({"id": "u1"}));
    assert_eq!(
        sign_ins(&client.wait(10 * SECOND)),
        [SignInState::Failed(SignInError::TimedOut)]
    );
}

#[test]
fn a_reconnect_signs_in_again() {
    let mut client = Client::connected();
    signed_in(&mut client);
    assert_eq!(sign_ins(&client.lose()), [SignInState::SignedOut]);
    client.wait_for_dial();
    let outputs = client.establish();
    assert!(outputs.contains(&TestOutput::Authenticate(request(&outputs), "2.1".into())));
}

#[test]
fn signing_out_reconnects_without_signing_in() {
    let mut client = Client::connected();
    signed_in(&mut client);
    let outputs = client.command(Command::SignOut);
    assert_eq!(sign_ins(&outputs), [SignInState::SignedOut]);
    assert!(outputs.contains(&TestOutput::Close));
    assert_eq!(dials(&outputs), 1);
    assert_eq!(requests(&client.establish()), []);
    assert_eq!(client.command(Command::SignOut), []);
}

#[test]
fn signing_out_suspends_authorized_channels() {
    let mut client = Client::connected();
    client.subscribe("lobby");
    client.subscribe("private-room");
    client.join("presence-room", "u1", &["u1"]);
    client.want("private-pending");
    let outputs = client.command(Command::SignOut);
    let left = |channel: &str| {
        (
            channel.to_owned(),
            SubscriptionStatus::Failed(SubscriptionError::SignedOut),
        )
    };
    assert_eq!(
        statuses(&outputs),
        [
            left("private-room"),
            left("presence-room"),
            left("private-pending")
        ]
    );
    assert_eq!(
        frames(&outputs),
        [
            unsubscribe_frame("private-room"),
            unsubscribe_frame("presence-room")
        ]
    );
    client.lose();
    client.wait_for_dial();
    let outputs = client.establish();
    assert_eq!(requests(&outputs), []);
    assert_eq!(frames(&outputs), [subscribe_frame("lobby")]);
    assert_eq!(
        requests(&client.want("private-guest")).len(),
        1,
        "later subscriptions are requested"
    );
    let outputs = client.command(Command::SignIn);
    assert_eq!(
        requests(&outputs).len(),
        4,
        "the user, and the remaining three channels"
    );
}

#[test]
fn signing_out_twice_is_reported_once() {
    let mut client = Client::connected();
    client.subscribe("private-room");
    assert_eq!(statuses(&client.command(Command::SignOut)).len(), 1);
    assert_eq!(client.command(Command::SignOut), []);
}

#[test]
fn signing_out_before_the_reply_suspends_the_channel() {
    let mut client = Client::connected();
    let request_id = request(&client.want("private-room"));
    client.authorize(request_id);
    client.unsubscribe("private-room");
    let outputs = client.command(Command::SignOut);
    assert_eq!(frames(&outputs), [unsubscribe_frame("private-room")]);
    assert_eq!(requests(&client.want("private-room")).len(), 1);
}

#[test]
fn both_watchlist_formats_are_reported() {
    let mut client = Client::connected();
    let online = |event: &str, ids: &[&str]| Notice::Watchlist {
        event: event.into(),
        user_ids: ids.iter().map(|id| id.to_string()).collect(),
    };
    let sockudo = json!({"event": "online", "data": {"user_ids": ["u2", 3]}});
    assert!(
        client.frame(&sockudo).0.is_some(),
        "without a sign-in it is an ordinary event"
    );
    signed_in(&mut client);
    let events = json!({"events": [
        {"name": "online", "user_ids": ["u2", "u3"]}, {"name": "offline", "user_ids": ["u4"]}, {"name": "away"}, 7
    ]});
    let frame = json!({"event": "pusher_internal:watchlist_events", "data": events});
    assert_eq!(
        notices(&client.frame(&frame).1),
        [
            online("online", &["u2", "u3"]),
            online("offline", &["u4"]),
            online("away", &[])
        ]
    );
    assert_eq!(
        notices(&client.frame(&sockudo).1),
        [online("online", &["u2", "3"])]
    );
}

#[test]
fn a_channel_without_identity_waits_for_the_sign_in() {
    let mut client = Client::connected();
    let sign_in = request(&client.command(Command::SignIn));
    let request_id = request(&client.want("presence-lobby"));
    assert_eq!(client.authorize(request_id), []);
    client.authenticate(sign_in, &json!({"id": "u1"}));
    let outputs = succeed(&mut client, &json!({"id": "u1"}));
    let subscribe = json!({"event": "pusher:subscribe", "data": {"channel": "presence-lobby", "auth": "key:signature"}});
    assert_eq!(frames(&outputs), [user_channel(), subscribe]);
    let outputs = client.confirm_presence("presence-lobby", &["u1", "u2"]);
    assert!(notices(&outputs).iter().any(|notice| {
        matches!(notice, Notice::Members { roster, .. } if roster.me().is_some_and(|me| me.id() == "u1"))
    }));
}

#[test]
fn the_sign_in_is_reported_before_its_presence_channels() {
    let mut client = Client::connected();
    let sign_in = request(&client.command(Command::SignIn));
    let request_id = request(&client.want("presence-lobby"));
    client.authorize(request_id);
    client.authenticate(sign_in, &json!({"id": "u1"}));
    client.frame(&success(&json!({"id": "u1"})));
    let outputs = client.confirm_presence("presence-lobby", &["u1"]);
    assert!(is_reported(&outputs));
    assert!(
        matches!(notices(&outputs)[0], Notice::SignIn(_)),
        "{outputs:?}"
    );

    // A channel with `channel_data` may have been subscribed earlier, and proves nothing about the user's channel.
    let mut client = accepted();
    assert_eq!(sign_ins(&client.join("presence-lobby", "u1", &["u1"])), []);
}

#[test]
fn a_channel_waiting_for_a_sign_in_fails_with_it() {
    let mut client = Client::connected();
    let sign_in = request(&client.command(Command::SignIn));
    let request_id = request(&client.want("presence-lobby"));
    client.authorize(request_id);
    let outputs = client.input(Input::Authenticated(sign_in, Err(AuthError::http(403, ""))));
    let failed = SubscriptionStatus::Failed(SubscriptionError::NoIdentity);
    assert_eq!(statuses(&outputs), [("presence-lobby".to_owned(), failed)]);
}

/// A client that signs in while the reply to a private channel's subscription is pending.
fn signing_in_beside_a_subscription() -> Client {
    let mut client = Client::connected();
    let request_id = request(&client.want("private-room"));
    client.authorize(request_id);
    let request_id = request(&client.command(Command::SignIn));
    client.authenticate(request_id, &json!({"id": "u1"}));
    client
}

fn unnamed_refusal() -> Value {
    json!({"event": "pusher:error", "data": {"code": 4009, "message": "bad signature"}})
}

#[test]
fn an_ambiguous_error_does_not_fail_the_sign_in() {
    let mut client = signing_in_beside_a_subscription();
    let request_id = request(&client.want("presence-lobby"));
    client.authorize(request_id);
    let (_, outputs) = client.frame(&unnamed_refusal());
    assert_eq!((sign_ins(&outputs), statuses(&outputs)), (vec![], vec![]));
    let outputs = succeed(&mut client, &json!({"id": "u1"}));
    assert!(matches!(&sign_ins(&outputs)[..], [SignInState::SignedIn { id, .. }] if &**id == "u1"));
    assert_eq!(
        frames(&outputs).len(),
        2,
        "the user's channel and the lobby"
    );
}

#[test]
fn an_ambiguous_refusal_is_reported_on_the_timeout() {
    let mut client = signing_in_beside_a_subscription();
    client.frame(&unnamed_refusal());
    let refused = SignInError::Refused {
        code: Some(4009),
        message: "bad signature".into(),
    };
    assert_eq!(
        sign_ins(&client.wait(10 * SECOND)),
        [SignInState::Failed(refused)]
    );
}

/// A client whose sign-in timed out.
fn timed_out() -> Client {
    let mut client = Client::connected();
    let request_id = request(&client.command(Command::SignIn));
    client.authenticate(request_id, &json!({"id": "u1"}));
    client.wait(10 * SECOND);
    client
}

#[test]
fn a_late_sign_in_success_counts() {
    let mut client = timed_out();
    let outputs = succeed(&mut client, &json!({"id": "u1"}));
    assert_eq!(frames(&outputs), [user_channel()]);
    assert!(matches!(&sign_ins(&outputs)[..], [SignInState::SignedIn { id, .. }] if &**id == "u1"));
    assert_eq!(client.frame(&success(&json!({"id": "u1"}))), (None, vec![]));
}

#[test]
fn a_late_success_cancels_the_repeated_authentication() {
    let mut client = timed_out();
    let request_id = request(&client.command(Command::SignIn));
    let outputs = succeed(&mut client, &json!({"id": "u1"}));
    assert!(outputs.contains(&TestOutput::CancelRequest(request_id)));
    assert_eq!(frames(&outputs), [user_channel()]);
    assert_eq!(client.authenticate(request_id, &json!({"id": "u1"})), []);
}

#[test]
fn signing_out_after_a_timeout_reconnects() {
    let mut client = timed_out();
    let outputs = client.command(Command::SignOut);
    assert!(
        outputs.contains(&TestOutput::Close),
        "the server may hold the user"
    );
    assert_eq!(dials(&outputs), 1);
    client.establish();
    assert_eq!(client.frame(&success(&json!({"id": "u1"}))), (None, vec![]));
    assert_eq!(dials(&client.command(Command::SignOut)), 0);
}

#[test]
fn signing_out_after_a_refusal_keeps_the_connection() {
    let mut client = Client::connected();
    let request_id = request(&client.command(Command::SignIn));
    client.authenticate(request_id, &json!({"id": "u1"}));
    client.frame(&unnamed_refusal());
    assert_eq!(client.frame(&success(&json!({"id": "u1"}))), (None, vec![]));
    assert_eq!(dials(&client.command(Command::SignOut)), 0);
}

#[test]
fn a_late_refusal_does_not_hide_a_later_sign_in() {
    let mut client = timed_out();
    let request_id = request(&client.command(Command::SignIn));
    client.authenticate(request_id, &json!({"id": "u1"}));
    client.frame(&unnamed_refusal());
    let outputs = succeed(&mut client, &json!({"id": "u1"}));
    assert_eq!(frames(&outputs), [user_channel()]);
}

#[test]
fn signing_out_reconnects_even_without_a_user_id() {
    let mut client = Client::connected();
    let request_id = request(&client.command(Command::SignIn));
    client.authenticate(request_id, &json!({}));
    client.frame(&success(&json!({})));
    assert_eq!(client.frame(&success(&json!({}))), (None, vec![]));
    assert_eq!(dials(&client.command(Command::SignOut)), 1);
}

#[test]
fn a_channel_without_identity_is_retried_after_a_sign_in() {
    let mut client = Client::connected();
    let request_id = request(&client.want("presence-lobby"));
    let failed = SubscriptionStatus::Failed(SubscriptionError::NoIdentity);
    assert_eq!(
        statuses(&client.authorize(request_id)),
        [("presence-lobby".to_owned(), failed)]
    );
    let refused = request(&client.want("presence-closed"));
    client.refuse(refused, AuthError::http(403, ""));
    let outputs = signed_in(&mut client);
    assert_eq!(
        statuses(&outputs),
        [("presence-lobby".to_owned(), SubscriptionStatus::Subscribing)]
    );
    assert_eq!(frames(&client.authorize(request(&outputs))).len(), 1);
    let outputs = client.confirm_presence("presence-lobby", &["u1"]);
    assert_eq!(
        statuses(&outputs),
        [("presence-lobby".to_owned(), SubscriptionStatus::Subscribed)]
    );
}
