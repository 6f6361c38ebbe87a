//! Subscribing, resubscribing after a reconnect, and unsubscribing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::time::Duration;

use pusher_protocol::{
    config::RetryPolicy,
    protocol::{AuthError, ChannelAuthorization, EventData},
    session::{
        Command, EventTarget, Input, Notice, PusherError, SessionConfig, SubscriptionError,
        SubscriptionStatus,
    },
};
use serde_json::{Value, json};
use support::*;

use SubscriptionStatus::{Pending, Subscribed, Subscribing};

fn status(channel: &str, status: SubscriptionStatus) -> (String, SubscriptionStatus) {
    (channel.into(), status)
}

#[test]
fn a_channel_wanted_before_connecting_is_subscribed_once() {
    let mut client = Client::new(SessionConfig::default());
    assert_eq!(client.want("lobby"), []);
    assert_eq!(client.want("lobby"), []);
    client.command(Command::Connect);
    let outputs = client.establish();
    assert_eq!(frames(&outputs), [subscribe_frame("lobby")]);
    assert_eq!(statuses(&outputs), [status("lobby", Subscribing)]);
    assert_eq!(
        statuses(&client.confirm("lobby")),
        [status("lobby", Subscribed)]
    );
    assert_eq!(client.want("lobby"), []);
}

#[test]
fn channels_are_subscribed_in_command_order() {
    let mut client = Client::new(SessionConfig::default());
    let names: Vec<String> = (0..50).map(|number| format!("channel-{number}")).collect();
    for name in &names {
        client.want(name);
    }
    client.command(Command::Connect);
    let expected: Vec<Value> = names.iter().map(|name| subscribe_frame(name)).collect();
    assert_eq!(frames(&client.establish()), expected);
}

#[test]
fn subscription_success_data_has_three_forms() {
    for data in [Some(json!("{}")), Some(json!({})), Some(json!(null)), None] {
        let mut client = Client::connected();
        client.want("lobby");
        let mut frame =
            json!({"event": "pusher_internal:subscription_succeeded", "channel": "lobby"});
        if let Some(data) = data {
            frame["data"] = data;
        }
        let (event, outputs) = client.frame(&frame);
        assert_eq!(event, None);
        assert_eq!(statuses(&outputs), [status("lobby", Subscribed)]);
    }
}

#[test]
fn a_private_channel_is_authorized_before_it_subscribes() {
    let mut client = Client::connected();
    let outputs = client.want("private-room");
    assert_eq!(frames(&outputs), [] as [Value; 0]);
    let request_id = request(&outputs);
    assert!(outputs.contains(&TestOutput::Authorize(
        request_id,
        "private-room".into(),
        "1.1".into()
    )));
    let outputs = client.authorize(request_id);
    assert_eq!(
        frames(&outputs),
        [
            json!({"event": "pusher:subscribe", "data": {"channel": "private-room", "auth": "key:signature"}})
        ]
    );
}

#[test]
fn channel_data_goes_to_the_server_byte_for_byte() {
    let mut client = Client::connected();
    let request_id = request(&client.want("presence-room"));
    let channel_data = r#"{"user_id": 10,  "user_info":{"name":"Zo\u00eb"}}"#;
    let answer = ChannelAuthorization::new("k:s").with_channel_data(channel_data);
    let outputs = client.input(Input::Authorized(request_id, Ok(answer)));
    assert_eq!(frames(&outputs)[0]["data"]["channel_data"], channel_data);
}

#[test]
fn extra_fields_go_into_the_subscribe_request() {
    let mut client = Client::connected();
    let extra = json!({"filter": {"key": "team", "cmp": "eq", "val": "red"}})
        .as_object()
        .cloned();
    let outputs = client.command(Command::Subscribe {
        channel: name("lobby"),
        extra,
    });
    assert_eq!(
        frames(&outputs),
        [json!({"event": "pusher:subscribe", "data": {
            "channel": "lobby", "filter": {"key": "team", "cmp": "eq", "val": "red"}
        }})]
    );
}

#[test]
fn a_refused_authorization_is_not_retried() {
    for error in [
        AuthError::http(403, "no"),
        AuthError::NoAuthorizer,
        AuthError::MissingField { field: "auth" },
    ] {
        let mut client = Client::connected();
        let request_id = request(&client.want("private-room"));
        let outputs = client.refuse(request_id, error.clone());
        assert_eq!(frames(&outputs), [] as [Value; 0]);
        let failed = SubscriptionStatus::Failed(SubscriptionError::Authorization(error));
        assert_eq!(statuses(&outputs), [status("private-room", failed)]);
        assert_eq!(requests(&client.wait(25 * SECOND)), []);
        let outputs = client.command(Command::Retry(name("private-room")));
        let request_id = request(&outputs);
        client.authorize(request_id);
        assert_eq!(
            statuses(&client.confirm("private-room")),
            [status("private-room", Subscribed)]
        );
    }
}

#[test]
fn a_failed_channel_is_retried_after_a_reconnect() {
    let mut client = Client::connected();
    let request_id = request(&client.want("private-room"));
    client.refuse(request_id, AuthError::http(403, ""));
    assert_eq!(statuses(&client.lose()), [status("private-room", Pending)]);
    client.wait_for_dial();
    assert_eq!(requests(&client.establish()).len(), 1);
}

#[test]
fn an_authorization_times_out_and_a_late_one_is_ignored() {
    let mut client = Client::connected_with(SessionConfig {
        auth_retry: RetryPolicy::never(),
        ..SessionConfig::default()
    });
    let request_id = request(&client.want("private-room"));
    let outputs = client.wait(10 * SECOND);
    assert!(outputs.contains(&TestOutput::CancelRequest(request_id)));
    let failed = SubscriptionStatus::Failed(SubscriptionError::Authorization(AuthError::TimedOut));
    assert_eq!(statuses(&outputs), [status("private-room", failed)]);
    assert_eq!(client.authorize(request_id), []);
}

#[test]
fn a_late_authorization_is_never_sent_on_a_new_socket() {
    let mut client = Client::connected();
    let old = request(&client.want("private-room"));
    let outputs = client.lose();
    assert!(outputs.contains(&TestOutput::CancelRequest(old)));
    client.wait_for_dial();
    let outputs = client.establish();
    let new = request(&outputs);
    assert!(outputs.contains(&TestOutput::Authorize(
        new,
        "private-room".into(),
        "2.1".into()
    )));
    assert_eq!(client.authorize(old), []);
    assert_eq!(frames(&client.authorize(new)).len(), 1);
}

#[test]
fn many_channels_are_authorized_a_few_at_a_time() {
    let mut client = Client::new(SessionConfig::default());
    for number in 0..50 {
        client.want(&format!("private-{number}"));
    }
    client.command(Command::Connect);
    let mut open = requests(&client.establish());
    let mut subscribed = 0;
    while let Some(request_id) = open.pop() {
        assert!(open.len() < 8);
        let outputs = client.authorize(request_id);
        subscribed += frames(&outputs).len();
        open.extend(requests(&outputs));
    }
    assert_eq!(subscribed, 50);
}

#[test]
fn hanging_authorizations_do_not_block_other_channels() {
    let mut client = Client::connected();
    for number in 0..20 {
        client.want(&format!("private-mute-{number}"));
    }
    client.want("private-good");
    let outputs = client.wait(25 * SECOND);
    let request_id = outputs.iter().find_map(|outputs| match outputs {
        TestOutput::Authorize(request, channel, _) if channel == "private-good" => Some(*request),
        _ => None,
    });
    assert_eq!(
        frames(&client.authorize(request_id.expect("a request"))).len(),
        1
    );
}

#[test]
fn resubscribed_channels_report_the_length_of_the_gap() {
    let mut client = Client::connected();
    client.subscribe("lobby");
    client.subscribe("private-room");
    assert_eq!(
        statuses(&client.lose()),
        [status("lobby", Pending), status("private-room", Pending)]
    );
    client.wait_for_dial();
    let outputs = client.establish();
    assert_eq!(frames(&outputs), [subscribe_frame("lobby")]);
    client.authorize(request(&outputs));
    client.wait(2 * SECOND);
    let outputs = client.confirm("lobby");
    let [
        Notice::Subscription {
            gap: Some(gap),
            status: Subscribed,
            ..
        },
    ] = &notices(&outputs)[..]
    else {
        panic!("{outputs:?}")
    };
    assert!(*gap >= 3 * SECOND && *gap <= 4 * SECOND, "{gap:?}");
    let first = Client::connected().subscribe("lobby");
    assert!(matches!(
        &notices(&first)[..],
        [Notice::Subscription { gap: None, .. }]
    ));
}

#[test]
fn the_gap_counts_from_the_first_loss_over_several_reconnects() {
    let mut client = Client::connected();
    client.subscribe("lobby");
    client.lose();
    client.wait_for_dial();
    client.establish();
    client.lose();
    client.wait_for_dial();
    client.establish();
    let outputs = client.confirm("lobby");
    assert!(
        matches!(&notices(&outputs)[..], [Notice::Subscription { gap: Some(gap), .. }] if *gap >= 2 * SECOND)
    );
}

#[test]
fn unsubscribing_sends_one_frame_and_stops_events() {
    let mut client = Client::connected();
    client.subscribe("lobby");
    assert_eq!(
        client.unsubscribe("lobby"),
        [TestOutput::Frame(unsubscribe_frame("lobby"))]
    );
    assert_eq!(client.unsubscribe("lobby"), []);
    let (event, outputs) = client.frame(&json!({"event": "e", "channel": "lobby", "data": "1"}));
    assert_eq!((event, outputs), (None, vec![]));
}

#[test]
fn unsubscribing_before_the_reply_waits_for_it() {
    let mut client = Client::connected();
    client.want("lobby");
    assert_eq!(client.unsubscribe("lobby"), []);
    assert_eq!(
        client.confirm("lobby"),
        [TestOutput::Frame(unsubscribe_frame("lobby"))]
    );
    assert_eq!(client.confirm("lobby"), []);
}

#[test]
fn the_last_command_before_the_reply_wins() {
    let mut client = Client::connected();
    client.want("lobby");
    client.unsubscribe("lobby");
    assert_eq!(
        statuses(&client.want("lobby")),
        [status("lobby", Subscribing)]
    );
    let outputs = client.confirm("lobby");
    assert_eq!(frames(&outputs), [] as [Value; 0]);
    assert_eq!(statuses(&outputs), [status("lobby", Subscribed)]);
    client.unsubscribe("lobby");
    assert_eq!(frames(&client.want("lobby")), [subscribe_frame("lobby")]);
}

#[test]
fn a_channel_unsubscribed_while_pending_stays_unsubscribed() {
    let mut client = Client::connected();
    client.want("lobby");
    client.unsubscribe("lobby");
    client.lose();
    client.wait_for_dial();
    assert_eq!(frames(&client.establish()), [] as [Value; 0]);
}

#[test]
fn a_channel_unsubscribed_offline_stays_unsubscribed() {
    let mut client = Client::connected();
    client.subscribe("lobby");
    client.lose();
    assert_eq!(client.unsubscribe("lobby"), []);
    client.wait_for_dial();
    assert_eq!(frames(&client.establish()), [] as [Value; 0]);
}

#[test]
fn unsubscribing_while_authorizing_sends_no_frame() {
    let mut client = Client::connected();
    let request_id = request(&client.want("private-room"));
    assert_eq!(
        client.unsubscribe("private-room"),
        [TestOutput::CancelRequest(request_id)]
    );
    assert_eq!(client.authorize(request_id), []);
}

#[test]
fn a_subscription_times_out_and_a_late_success_counts() {
    let mut client = Client::connected();
    client.want("lobby");
    let outputs = client.wait(10 * SECOND);
    let failed = SubscriptionStatus::Failed(SubscriptionError::TimedOut);
    assert_eq!(statuses(&outputs), [status("lobby", failed)]);
    assert_eq!(
        statuses(&client.confirm("lobby")),
        [status("lobby", Subscribed)]
    );
}

#[test]
fn unsubscribing_after_a_timeout_leaves_no_subscription() {
    let mut client = Client::connected();
    client.want("lobby");
    client.wait(10 * SECOND);
    assert_eq!(
        client.unsubscribe("lobby"),
        [TestOutput::Frame(unsubscribe_frame("lobby"))]
    );
    client.want("other");
    client.unsubscribe("other");
    assert_eq!(
        frames(&client.wait(10 * SECOND)),
        [unsubscribe_frame("other")]
    );
    assert_eq!(client.confirm("other"), []);
}

#[test]
fn a_refusal_that_names_the_channel_fails_it() {
    for event in [
        "pusher:subscription_error",
        "pusher_internal:subscription_error",
    ] {
        let mut client = Client::connected();
        client.want("lobby");
        let data = json!({"type": "AuthError", "error": "no", "status": 401});
        let (event, outputs) =
            client.frame(&json!({"event": event, "channel": "lobby", "data": data}));
        assert_eq!(event, None);
        let refused = SubscriptionError::Refused {
            status: Some(401),
            message: "no".into(),
        };
        assert_eq!(
            statuses(&outputs),
            [status("lobby", SubscriptionStatus::Failed(refused))]
        );
    }
    let mut client = Client::connected();
    client.want("lobby");
    let (_, outputs) =
        client.frame(&json!({"event": "pusher:error", "channel": "lobby", "data": {"code": 4009, "message": "no"}}));
    assert!(matches!(
        &notices(&outputs)[0],
        Notice::Error {
            error: PusherError::Server {
                code: Some(4009),
                ..
            },
            ..
        }
    ));
    let refused = SubscriptionError::Refused {
        status: Some(4009),
        message: "no".into(),
    };
    assert_eq!(
        statuses(&outputs),
        [status("lobby", SubscriptionStatus::Failed(refused))]
    );
}

#[test]
fn data_of_every_shape_arrives_unchanged() {
    let mut client = Client::connected();
    client.subscribe("lobby");
    for (data, expected) in [
        (json!("{\"a\":1}"), EventData::Text(r#"{"a":1}"#.into())),
        (json!({"a": 1}), EventData::Json(r#"{"a":1}"#.into())),
        (json!("plain"), EventData::Text("plain".into())),
        (json!(null), EventData::Json("null".into())),
        (json!(""), EventData::Text("".into())),
        (
            json!(9_007_199_254_740_993_u64),
            EventData::Json("9007199254740993".into()),
        ),
    ] {
        let (event, outputs) =
            client.frame(&json!({"event": "e", "channel": "lobby", "data": data}));
        let event = event.unwrap();
        assert_eq!(event.target, EventTarget::Channel(name("lobby")));
        assert_eq!(event.event, "e");
        assert_eq!(event.data, expected);
        assert_eq!(outputs, []);
    }
    let (event, _) = client.frame(&json!({"event": "e", "channel": "lobby"}));
    assert_eq!(event.unwrap().data, EventData::Absent);
}

#[test]
fn an_event_of_an_unsubscribed_channel_is_dropped() {
    let mut client = Client::connected();
    let (event, outputs) =
        client.frame(&json!({"event": "e", "channel": "elsewhere", "data": "1"}));
    assert_eq!((event, outputs), (None, vec![]));
}

#[test]
fn unknown_messages_are_delivered_unless_internal() {
    let mut client = Client::connected();
    client.subscribe("lobby");
    let (event, _) =
        client.frame(&json!({"event": "pusher:delta_enabled", "data": {"algorithm": "fossil"}}));
    assert_eq!(event.unwrap().target, EventTarget::Connection);
    let (event, _) = client.frame(&json!({"event": "pusher:novelty", "channel": "lobby"}));
    assert_eq!(event.unwrap().target, EventTarget::Channel(name("lobby")));
    let (event, outputs) =
        client.frame(&json!({"event": "pusher_internal:novelty", "channel": "lobby"}));
    assert_eq!((event, outputs), (None, vec![]));
}

#[test]
fn counts_and_cache_misses_are_reported_even_if_zero() {
    let mut client = Client::connected();
    client.subscribe("cache-lobby");
    for count in [7_u64, 0] {
        let data = json!({"subscription_count": count}).to_string();
        let frame = json!({"event": "pusher_internal:subscription_count", "channel": "cache-lobby", "data": data});
        assert_eq!(
            notices(&client.frame(&frame).1),
            [Notice::SubscriptionCount {
                channel: name("cache-lobby"),
                count
            }]
        );
    }
    for frame in [
        json!({"event": "pusher:cache_miss", "channel": "cache-lobby", "data": "{}"}),
        json!({"event": "pusher:cache_miss", "channel": "cache-lobby", "data": {}}),
        json!({"event": "pusher:cache_miss", "channel": "cache-lobby"}),
    ] {
        let (event, outputs) = client.frame(&frame);
        assert_eq!(event, None);
        assert_eq!(
            notices(&outputs),
            [Notice::CacheMissed(name("cache-lobby"))]
        );
    }
}

#[test]
fn expired_timers_do_not_wake_an_idle_session() {
    let mut client = Client::connected();
    for number in 0..100 {
        client.subscribe(&format!("private-{number}"));
    }
    assert_eq!(client.session.wake_at(), Some(30 * SECOND));
    client.wait(Duration::from_millis(1));
}
