//! How a session connects, notices that a connection died, and comes back.

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
    config::{EndpointError, ReconnectPolicy, Timing},
    session::{
        Command, ConnectionError, ConnectionState, DialPhase, Hint, Input, Notice, Now,
        PusherError, SessionConfig,
    },
};
use serde_json::json;
use support::*;

fn is_waiting(state: &ConnectionState) -> bool {
    matches!(state, ConnectionState::Waiting { .. })
}

#[test]
fn connecting_goes_through_connecting_to_connected() {
    let mut client = Client::new(SessionConfig::default());
    let seen = client.command(Command::Connect);
    assert_eq!(states(&seen), [ConnectionState::Connecting { attempt: 1 }]);
    assert_eq!(dials(&seen), 1);
    assert_eq!(
        states(&client.establish()),
        [ConnectionState::Connected {
            socket_id: "1.1".into()
        }]
    );
}

#[test]
fn the_greeting_may_come_as_an_object_too() {
    let mut client = Client::new(SessionConfig::default());
    client.command(Command::Connect);
    client.open();
    let (_, seen) = client
        .frame(&json!({"event": "pusher:connection_established", "data": {"socket_id": "9.9"}}));
    assert_eq!(
        states(&seen),
        [ConnectionState::Connected {
            socket_id: "9.9".into()
        }]
    );
}

#[test]
fn saying_connect_twice_dials_once() {
    let mut client = Client::new(SessionConfig::default());
    assert_eq!(dials(&client.command(Command::Connect)), 1);
    assert_eq!(client.command(Command::Connect), []);
    client.establish();
    assert_eq!(client.command(Command::Connect), []);
}

#[test]
fn an_idle_session_asks_for_nothing() {
    let mut client = Client::new(SessionConfig::default());
    assert_eq!(client.session.wake_at(), None);
    assert_eq!(client.command(Command::Disconnect), []);
}

#[test]
fn disconnecting_closes_and_stays_closed() {
    let mut client = Client::connected();
    let seen = client.command(Command::Disconnect);
    assert_eq!(
        seen,
        [
            Seen::Close,
            Seen::Notice(Notice::State(ConnectionState::Disconnected))
        ]
    );
    assert_eq!(client.wait(3600 * SECOND), []);
    assert_eq!(client.command(Command::Disconnect), []);
    client.command(Command::Connect);
    assert_eq!(
        states(&client.establish()),
        [ConnectionState::Connected {
            socket_id: "2.1".into()
        }]
    );
}

#[test]
fn disconnecting_while_dialling_cancels_the_dial() {
    let mut client = Client::new(SessionConfig::default());
    client.command(Command::Connect);
    let dial = client.dial.unwrap();
    let seen = client.command(Command::Disconnect);
    assert_eq!(seen.first(), Some(&Seen::CancelDial(dial)));
    assert_eq!(client.open(), []);
}

#[test]
fn disconnecting_ends_a_waiting_retry() {
    let mut client = Client::connected();
    assert!(states(&client.lose()).iter().any(is_waiting));
    assert_eq!(
        states(&client.command(Command::Disconnect)),
        [ConnectionState::Disconnected]
    );
    assert_eq!(client.wait(3600 * SECOND), []);
}

#[test]
fn connecting_skips_a_waiting_retry() {
    let mut client = Client::connected();
    client.wait(SECOND);
    client.lose();
    assert_eq!(
        states(&client.command(Command::Connect)),
        [ConnectionState::Connecting { attempt: 1 }]
    );
}

/// A game that asks to connect in every frame for a minute while each dial ends so, and how often that dials.
fn dials_of_an_impatient_game(end: impl Fn(&mut Client)) -> usize {
    let mut client = Client::new(SessionConfig::default());
    let mut dialled = 0;
    for _ in 0..60 * 60 {
        let mut seen = client.command(Command::Connect);
        seen.extend(client.input(Input::Hint(Hint::NetworkChanged)));
        seen.extend(client.wait(SECOND / 60));
        dialled += dials(&seen);
        if dials(&seen) > 0 {
            end(&mut client);
        }
    }
    dialled
}

#[test]
fn a_game_that_connects_in_every_frame_dials_once_a_second() {
    let refused = dials_of_an_impatient_game(|client| drop(refuse_dial(client)));
    assert!((50..=61).contains(&refused), "{refused}");
    for code in [1006, 4001, 4100, 4200] {
        let closed = dials_of_an_impatient_game(|client| {
            client.establish();
            client.close(Some(code));
        });
        assert!((50..=121).contains(&closed), "{code}: {closed}");
    }
}

#[test]
fn connecting_skips_a_wait_of_the_policy_that_is_long_from_the_first_time_on() {
    let mut client = Client::connected_with(SessionConfig {
        reconnect: ReconnectPolicy {
            min_delay: 3600 * SECOND,
            max_delay: 3600 * SECOND,
            ..ReconnectPolicy::default()
        },
        ..SessionConfig::default()
    });
    client.wait(SECOND);
    client.lose();
    client.wait(SECOND);
    assert_eq!(dials(&client.command(Command::Connect)), 1);
}

#[test]
fn connecting_soon_after_a_failure_waits_a_little_and_says_why() {
    let mut client = Client::new(SessionConfig::default());
    client.command(Command::Connect);
    client.establish();
    client.close(Some(4001));
    let error = ConnectionError::Closed {
        code: Some(4001),
        reason: String::new(),
    };
    let waiting = ConnectionState::Waiting {
        retry_at: SECOND,
        attempt: 1,
        error,
    };
    assert_eq!(states(&client.command(Command::Connect)), [waiting]);
    assert_eq!(client.command(Command::Connect), []);
    assert_eq!(
        states(&client.wait(SECOND)),
        [ConnectionState::Connecting { attempt: 1 }]
    );
}

#[test]
fn a_proxy_that_wants_other_credentials_is_not_asked_again() {
    for (status, is_final) in [(Some(407), true), (Some(502), false), (None, false)] {
        let mut client = Client::new(SessionConfig::default());
        client.command(Command::Connect);
        let error = ConnectionError::Proxy {
            host: "proxy".into(),
            port: 3128,
            status,
            reason: "no".into(),
        };
        let dial = client.dial.unwrap();
        let seen = client.input(Input::DialFailed(dial, error.clone()));
        let failed = states(&seen) == [ConnectionState::Failed { error }];
        assert_eq!(failed, is_final, "{status:?}");
    }
}

/// What a close code leads to: no dial at all, or the first dial within a span.
#[test]
fn each_close_code_leads_to_its_action() {
    let nothing = None;
    let backed_off = Some((1.0, 2.0));
    let at_once = Some((0.0, 1.0));
    for (code, expected) in [
        (None, backed_off),
        (Some(1000), backed_off),
        (Some(1001), backed_off),
        (Some(1002), backed_off),
        (Some(1006), backed_off),
        (Some(1012), backed_off),
        (Some(3999), backed_off),
        (Some(4000), nothing),
        (Some(4001), nothing),
        (Some(4003), nothing),
        (Some(4004), nothing),
        (Some(4009), nothing),
        (Some(4010), nothing),
        (Some(4099), nothing),
        (Some(4100), backed_off),
        (Some(4199), backed_off),
        (Some(4200), at_once),
        (Some(4201), at_once),
        (Some(4202), at_once),
        (Some(4299), at_once),
        (Some(4300), nothing),
        (Some(4301), nothing),
        (Some(4999), nothing),
    ] {
        let mut client = Client::connected();
        client.wait(SECOND);
        let seen = client.close(code);
        match expected {
            None => {
                assert!(
                    matches!(&states(&seen)[..], [ConnectionState::Failed { error }] if error.code() == code),
                    "{code:?}: {seen:?}"
                );
                assert_eq!(dials(&client.wait(3600 * SECOND)), 0, "{code:?}");
            }
            Some((from, to)) => {
                assert!(
                    matches!(&states(&seen)[..], [state] if is_waiting(state)),
                    "{code:?}: {seen:?}"
                );
                assert_eq!(
                    dials(&client.wait(Duration::from_secs_f64(from))),
                    0,
                    "{code:?}"
                );
                assert_eq!(
                    dials(&client.wait(Duration::from_secs_f64(to - from))),
                    1,
                    "{code:?}"
                );
            }
        }
    }
}

#[test]
fn an_error_before_the_greeting_counts_as_the_close_code() {
    for data in [
        json!({"code": 4001, "message": "no such app"}),
        json!("{\"code\":4001,\"message\":\"no such app\"}"),
        json!({"code": "4001", "message": "no such app"}),
    ] {
        let mut client = Client::new(SessionConfig::default());
        client.command(Command::Connect);
        client.open();
        let (_, seen) = client.frame(&json!({"event": "pusher:error", "data": data}));
        assert_eq!(seen.first(), Some(&Seen::Close));
        let error = ConnectionError::Refused {
            code: Some(4001),
            message: "no such app".into(),
        };
        assert_eq!(states(&seen), [ConnectionState::Failed { error }]);
        assert_eq!(client.wait(3600 * SECOND), []);
    }
    for (code, retries) in [
        (json!(4100), true),
        (json!(4200), true),
        (json!(null), true),
        (json!(4004), false),
    ] {
        let mut client = Client::new(SessionConfig::default());
        client.command(Command::Connect);
        client.open();
        let (_, seen) = client.frame(&json!({"event": "pusher:error", "data": {"code": code}}));
        assert_eq!(states(&seen).iter().any(is_waiting), retries, "{code}");
    }
}

#[test]
fn an_error_on_a_live_connection_is_reported_and_changes_nothing() {
    for data in [
        json!({"code": 4000, "message": "m"}),
        json!({"code": 4009, "message": "m"}),
        json!({"code": null, "message": "m"}),
        json!({"message": "m"}),
        json!("m"),
        json!(null),
    ] {
        let mut client = Client::connected();
        client.subscribe("lobby");
        let (event, seen) = client.frame(&json!({"event": "pusher:error", "data": data}));
        assert_eq!(event, None);
        assert!(
            matches!(
                &seen[..],
                [Seen::Notice(Notice::Error {
                    error: PusherError::Server { .. },
                    attempt: 0
                })]
            ),
            "{data}: {seen:?}"
        );
    }
}

#[test]
fn what_does_not_greet_is_left_and_tried_again() {
    for text in [
        "garbage",
        "{}",
        r#"{"event":"my-event","channel":"lobby"}"#,
        r#"{"event":"pusher:connection_established"}"#,
    ] {
        let mut client = Client::new(SessionConfig::default());
        client.command(Command::Connect);
        client.open();
        let (_, seen) = client.text(text);
        assert_eq!(seen.first(), Some(&Seen::Close), "{text}");
        let state = states(&seen).pop().unwrap();
        assert!(
            matches!(
                state,
                ConnectionState::Waiting {
                    error: ConnectionError::NotPusher { .. },
                    ..
                }
            ),
            "{text}: {state:?}"
        );
        assert_eq!(dials(&client.wait(2 * SECOND)), 1);
    }
}

#[test]
fn a_server_that_ends_without_a_word_before_its_greeting_makes_one_think_of_the_key() {
    let mut client = Client::new(SessionConfig::default());
    client.command(Command::Connect);
    client.open();
    let dial = client.dial.unwrap();
    let lost = ConnectionError::Lost {
        reason: "the end".into(),
    };
    let seen = client.input(Input::Closed(dial, lost));
    let state = states(&seen).pop().unwrap();
    let ConnectionState::Waiting { error, .. } = state else {
        panic!("{state:?}")
    };
    assert!(
        error.to_string().contains("is the app key right?"),
        "{error}"
    );
}

#[test]
fn a_dial_without_an_end_ends_at_its_deadline() {
    let mut client = Client::new(SessionConfig::default());
    client.command(Command::Connect);
    let dial = client.dial.unwrap();
    let seen = client.wait(10 * SECOND);
    assert_eq!(seen.first(), Some(&Seen::CancelDial(dial)));
    assert!(states(&seen).iter().any(|state| matches!(
        state,
        ConnectionState::Waiting {
            error: ConnectionError::TimedOut {
                phase: DialPhase::Open,
                ..
            },
            ..
        }
    )));
}

#[test]
fn a_server_that_never_greets_is_left_at_the_deadline() {
    let mut client = Client::new(SessionConfig::default());
    client.command(Command::Connect);
    client.open();
    let seen = client.wait(10 * SECOND);
    assert_eq!(seen.first(), Some(&Seen::Abandon));
    let after = 10 * SECOND;
    assert!(
        states(&seen)
            .iter()
            .any(|state| matches!(state, ConnectionState::Waiting {
        error: ConnectionError::TimedOut { phase: DialPhase::Establishment, after: told }, ..
    } if *told == after))
    );
}

#[test]
fn an_endpoint_that_cannot_be_dialled_fails_at_once() {
    let mut client = Client::new(SessionConfig::default());
    client.command(Command::Connect);
    let dial = client.dial.unwrap();
    let seen = client.input(Input::DialFailed(dial, EndpointError::NoKey.into()));
    assert!(matches!(
        &states(&seen)[..],
        [ConnectionState::Failed { .. }]
    ));
    assert_eq!(client.wait(3600 * SECOND), []);
}

#[test]
fn a_dial_that_ends_in_a_close_code_heeds_it() {
    for (code, is_final) in [(4001, true), (4100, false)] {
        let mut client = Client::new(SessionConfig::default());
        client.command(Command::Connect);
        let error = ConnectionError::Closed {
            code: Some(code),
            reason: String::new(),
        };
        let seen = client.input(Input::DialFailed(client.dial.unwrap(), error));
        let state = states(&seen).pop().unwrap();
        let has_failed = matches!(state, ConnectionState::Failed { .. });
        assert_eq!(has_failed, is_final, "{code}: {state:?}");
    }
}

fn refuse_dial(client: &mut Client) -> Vec<Seen> {
    let dial = client.dial.unwrap();
    client.input(Input::DialFailed(
        dial,
        ConnectionError::Tcp {
            host: "localhost".into(),
            port: 1,
            reason: "connection refused".into(),
        },
    ))
}

#[test]
fn it_tries_for_ever_with_growing_delays_up_to_the_longest() {
    let mut client = Client::new(SessionConfig::default());
    client.command(Command::Connect);
    let mut longest = Duration::ZERO;
    for attempt in 1..=200 {
        let state = states(&refuse_dial(&mut client)).pop().unwrap();
        let ConnectionState::Waiting {
            retry_at,
            attempt: told,
            ..
        } = state
        else {
            panic!("{state:?}")
        };
        assert_eq!(told, attempt);
        let delay = retry_at - client.now.monotonic;
        assert!(delay >= SECOND && delay <= 30 * SECOND, "{delay:?}");
        longest = longest.max(delay);
        assert_eq!(dials(&client.wait(delay)), 1);
    }
    assert!(longest > 25 * SECOND, "{longest:?}");
}

#[test]
fn a_connection_that_does_not_last_does_not_reset_the_delays() {
    let mut client = Client::new(SessionConfig::default());
    client.command(Command::Connect);
    let mut last = Duration::ZERO;
    for _ in 0..20 {
        client.establish();
        client.wait(SECOND);
        let state = states(&client.lose()).pop().unwrap();
        let ConnectionState::Waiting { retry_at, .. } = state else {
            panic!("{state:?}")
        };
        last = retry_at - client.now.monotonic;
        client.wait(last);
    }
    // With the eleventh failure the span reaches from 1 to 30 seconds; 20 failures on the first span would stay below 2.
    assert!(last > 2 * SECOND, "{last:?}");
    client.establish();
    client.wait(10 * SECOND);
    let state = states(&client.lose()).pop().unwrap();
    assert!(
        matches!(state, ConnectionState::Waiting { attempt: 1, .. }),
        "{state:?}"
    );
}

#[test]
fn a_limit_of_attempts_ends_in_failed_and_connecting_again_starts_anew() {
    let reconnect = ReconnectPolicy {
        max_attempts: Some(3),
        ..ReconnectPolicy::default()
    };
    let mut client = Client::new(SessionConfig {
        reconnect,
        ..SessionConfig::default()
    });
    client.command(Command::Connect);
    for _ in 0..2 {
        for _ in 0..2 {
            assert!(states(&refuse_dial(&mut client)).iter().any(is_waiting));
            client.wait_for_dial();
        }
        let state = states(&refuse_dial(&mut client)).pop().unwrap();
        assert!(
            matches!(
                state,
                ConnectionState::Failed {
                    error: ConnectionError::GaveUp { attempts: 3, .. }
                }
            ),
            "{state:?}"
        );
        assert_eq!(client.wait(3600 * SECOND), []);
        assert_eq!(
            states(&client.command(Command::Connect)),
            [ConnectionState::Connecting { attempt: 1 }]
        );
    }
}

#[test]
fn a_server_that_says_reconnect_at_once_every_time_is_not_hammered() {
    let mut client = Client::new(SessionConfig::default());
    client.command(Command::Connect);
    client.establish();
    let mut dialled = 0;
    let start = client.now.monotonic;
    while client.now.monotonic - start < 60 * SECOND {
        client.close(Some(4200));
        let seen = client.wait(SECOND);
        if dials(&seen) > 0 {
            dialled += 1;
            client.establish();
        }
    }
    assert!((4..=25).contains(&dialled), "{dialled}");
}

#[test]
fn fifty_drops_in_a_row_end_in_a_connection_with_its_channels() {
    let mut client = Client::connected();
    client.subscribe("lobby");
    for _ in 0..50 {
        client.lose();
        client.wait_for_dial();
        let seen = client.establish();
        assert_eq!(frames(&seen), [subscribe_frame("lobby")]);
        client.confirm("lobby");
    }
    let (event, _) = client.frame(&json!({"event": "e", "channel": "lobby", "data": "1"}));
    assert!(event.is_some());
}

#[test]
fn silence_is_answered_with_a_ping_and_more_silence_with_a_reconnect() {
    let mut client = Client::connected();
    let ping = json!({"event": "pusher:ping", "data": {}});
    assert_eq!(client.wait(30 * SECOND - Duration::from_millis(1)), []);
    assert_eq!(client.wait(Duration::from_millis(1)), [Seen::Frame(ping)]);
    assert_eq!(client.wait(10 * SECOND - Duration::from_millis(1)), []);
    let seen = client.wait(Duration::from_millis(1));
    assert_eq!(seen.first(), Some(&Seen::Abandon));
    let state = states(&seen).pop().unwrap();
    assert!(
        matches!(
            state,
            ConnectionState::Waiting {
                error: ConnectionError::PongTimedOut { .. },
                ..
            }
        ),
        "{state:?}"
    );
    assert_eq!(dials(&client.wait(SECOND)), 1);
}

#[test]
fn the_shorter_activity_timeout_of_client_and_server_counts() {
    for (server, first_ping) in [
        (json!(1), 1),
        (json!(0.001), 1),
        (json!(120), 30),
        (json!("5"), 5),
        (json!(0), 30),
        (json!(-3), 30),
        (json!(null), 30),
        (json!({}), 30),
        (json!(1e300), 30),
    ] {
        let mut client = Client::new(SessionConfig::default());
        client.command(Command::Connect);
        client.open();
        client.frame(
            &json!({"event": "pusher:connection_established", "data": {"socket_id": "1.1", "activity_timeout": server}}),
        );
        let before = client.wait(Duration::from_secs(first_ping) - Duration::from_millis(1));
        assert_eq!(before, [], "{server}");
        assert_eq!(
            frames(&client.wait(Duration::from_millis(1))).len(),
            1,
            "{server}"
        );
    }
}

#[test]
fn anything_that_comes_is_a_sign_of_life_and_what_is_sent_is_none() {
    for text in [
        r#"{"event":"pusher:pong","data":{}}"#,
        r#"{"event":"pusher:pong"}"#,
        r#"{"event":"other","channel":"elsewhere"}"#,
        "not even JSON",
    ] {
        let mut client = Client::connected();
        client.subscribe("private-room");
        client.wait(29 * SECOND);
        client.send("private-room", "client-a", "1");
        assert_eq!(
            frames(&client.wait(SECOND)).len(),
            1,
            "a ping was due: {text}"
        );
        client.wait(9 * SECOND);
        client.text(text);
        assert_eq!(
            client.wait(30 * SECOND - Duration::from_millis(1)),
            [],
            "{text}"
        );
        assert_eq!(
            frames(&client.wait(Duration::from_millis(1))).len(),
            1,
            "{text}"
        );
    }
}

#[test]
fn the_answer_to_a_ping_tells_the_round_trip() {
    let mut client = Client::connected();
    client.wait(30 * SECOND);
    client.wait(Duration::from_millis(42));
    let (_, seen) = client.frame(&json!({"event": "pusher:pong", "data": {}}));
    assert_eq!(
        notices(&seen),
        [Notice::RoundTrip(Duration::from_millis(42))]
    );
}

#[test]
fn a_ping_is_answered_with_a_pong_and_nothing_else() {
    let mut client = Client::connected();
    let pong = [Seen::Frame(json!({"event": "pusher:pong", "data": {}}))];
    assert_eq!(
        client.frame(&json!({"event": "pusher:ping", "data": {}})).1,
        pong
    );
    assert_eq!(client.frame(&json!({"event": "pusher:ping"})).1, pong);
}

#[test]
fn after_sleep_the_link_is_asked_at_once_and_a_live_one_survives() {
    let mut client = Client::connected();
    client.wait(SECOND);
    client.now.wall += 600 * SECOND;
    let seen = client.input(Input::TimePassed);
    assert_eq!(frames(&seen), [json!({"event": "pusher:ping", "data": {}})]);
    let mut dead = Client::connected();
    dead.now.wall += 600 * SECOND;
    dead.input(Input::TimePassed);
    client.frame(&json!({"event": "pusher:pong"}));
    assert_eq!(states(&client.wait(20 * SECOND)), []);
    dead.now = Now {
        monotonic: dead.now.monotonic + 5 * SECOND,
        wall: dead.now.wall + 5 * SECOND,
    };
    assert!(
        states(&dead.input(Input::TimePassed))
            .iter()
            .any(is_waiting)
    );
}

fn pings(seen: &[Seen]) -> usize {
    let ping = json!({"event": "pusher:ping", "data": {}});
    frames(seen).iter().filter(|frame| **frame == ping).count()
}

#[test]
fn after_sleep_a_dead_link_is_noticed_soon_though_frames_from_before_are_read_first() {
    let mut client = Client::connected();
    client.subscribe("lobby");
    client.wait(SECOND);
    client.now.wall += 600 * SECOND;
    let buffered = json!({"event": "e", "channel": "lobby", "data": "1"});
    for _ in 0..3 {
        assert!(client.frame(&buffered).0.is_some());
    }
    let seen = client.wait(5 * SECOND);
    assert_eq!(pings(&seen), 1);
    assert!(states(&seen).iter().any(is_waiting), "{seen:?}");
}

#[test]
fn after_sleep_a_live_link_survives_though_frames_from_before_are_read_first() {
    let mut client = Client::connected();
    client.wait(SECOND);
    client.now.wall += 600 * SECOND;
    client.frame(&json!({"event": "pusher:ping"}));
    assert_eq!(pings(&client.wait(SECOND)), 1);
    client.frame(&json!({"event": "pusher:pong"}));
    assert_eq!(client.wait(20 * SECOND), []);
}

#[test]
fn after_sleep_a_silent_link_is_given_no_longer_than_another() {
    let mut client = Client::connected();
    client.now.monotonic += 30 * SECOND;
    client.now.wall += 600 * SECOND;
    assert_eq!(pings(&client.input(Input::TimePassed)), 1);
    assert!(states(&client.wait(5 * SECOND)).iter().any(is_waiting));
}

#[test]
fn after_sleep_a_frame_of_an_older_socket_does_not_hide_that_the_machine_slept() {
    let mut client = Client::connected();
    let old = client.dial.unwrap();
    client.wait(10 * SECOND);
    client.lose();
    client.now.wall += 600 * SECOND;
    let frame = r#"{"event":"e"}"#;
    assert_eq!(client.session.handle_frame(old, frame, client.now), None);
    assert_eq!(dials(&client.drain()), 1);
}

#[test]
fn a_hint_that_the_network_is_back_dials_at_once() {
    let mut client = Client::connected();
    client.wait(SECOND);
    client.lose();
    assert_eq!(dials(&client.input(Input::Hint(Hint::NetworkChanged))), 1);
    let mut live = Client::connected();
    assert_eq!(frames(&live.input(Input::Hint(Hint::Resumed))).len(), 1);
    assert_eq!(live.input(Input::Hint(Hint::Resumed)), []);
}

#[test]
fn a_new_endpoint_is_dialled_with_the_channels_kept() {
    let mut client = Client::connected();
    client.subscribe("lobby");
    let seen = client.command(Command::Redial);
    assert_eq!(seen.first(), Some(&Seen::Close));
    assert_eq!(dials(&seen), 1);
    assert_eq!(frames(&client.establish()), [subscribe_frame("lobby")]);
    let mut idle = Client::new(SessionConfig::default());
    assert_eq!(idle.command(Command::Redial), []);
}

#[test]
fn what_an_old_socket_still_says_counts_for_nothing() {
    let mut client = Client::connected();
    client.subscribe("lobby");
    let old = client.dial.unwrap();
    client.lose();
    let text = r#"{"event":"e","channel":"lobby","data":"1"}"#;
    assert!(client.session.handle_frame(old, text, client.now).is_none());
    client.wait(2 * SECOND);
    client.establish();
    client.confirm("lobby");
    assert!(client.session.handle_frame(old, text, client.now).is_none());
    let error = ConnectionError::Closed {
        code: Some(4001),
        reason: String::new(),
    };
    assert_eq!(client.input(Input::Closed(old, error)), []);
}

#[test]
fn garbage_on_a_live_connection_is_reported_and_the_next_event_comes() {
    let mut client = Client::connected();
    client.subscribe("lobby");
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for text in [
        "",
        "null",
        "{",
        "[]",
        r#"{"channel":"lobby"}"#,
        r#"{"event":7}"#,
        &deep,
    ] {
        let (event, seen) = client.text(text);
        assert_eq!(event, None);
        assert!(
            matches!(&seen[..], [Seen::Notice(Notice::Error { .. })]),
            "{text}: {seen:?}"
        );
    }
    let dial = client.dial.unwrap();
    assert!(matches!(
        &client.input(Input::BinaryFrame(dial))[..],
        [Seen::Notice(Notice::Error { error: PusherError::Frame(error), .. })]
            if error.to_string().ends_with("not a Pusher message: a binary message")
    ));
    let (event, _) = client.frame(&json!({"event": "e", "channel": "lobby", "data": "1"}));
    assert!(event.is_some());
}

#[test]
fn timings_of_zero_do_not_spin() {
    let zero = Duration::ZERO;
    let timing = Timing {
        activity_timeout: zero,
        pong_timeout: zero,
        dial_timeout: zero,
        ..Timing::default()
    };
    let reconnect = ReconnectPolicy {
        min_delay: zero,
        max_delay: zero,
        max_attempts: None,
        ..ReconnectPolicy::default()
    };
    let mut client = Client::new(SessionConfig {
        timing,
        reconnect,
        ..SessionConfig::default()
    });
    client.command(Command::Connect);
    let seen = client.wait(SECOND);
    assert!(dials(&seen) <= 100, "{}", dials(&seen));
}

#[test]
fn times_without_an_end_are_no_trouble() {
    let timing = Timing {
        dial_timeout: Duration::MAX,
        authorization_timeout: Duration::MAX,
        subscribe_timeout: Duration::MAX,
        activity_timeout: Duration::MAX,
        pong_timeout: Duration::MAX,
        healthy_after: Duration::MAX,
        close_timeout: Duration::MAX,
        queue_timeout: Duration::MAX,
    };
    let reconnect = ReconnectPolicy {
        min_delay: Duration::MAX,
        max_delay: Duration::MAX,
        max_attempts: None,
        ..ReconnectPolicy::default()
    };
    let mut client = Client::new(SessionConfig {
        timing,
        reconnect,
        ..SessionConfig::default()
    });
    client.now = Now::at(SECOND);
    client.command(Command::Connect);
    client.open();
    client.frame(&json!({"event": "pusher:connection_established", "data": {"socket_id": "1.1"}}));
    client.want("lobby");
    client.want("private-room");
    client.command(Command::SignIn);
    client.input(Input::Hint(Hint::NetworkChanged));
    client.wait(3600 * SECOND);
    client.lose();
    assert!(
        client
            .session
            .wake_at()
            .is_some_and(|due| due < Duration::MAX)
    );
}

#[test]
fn a_servers_long_words_are_shown_by_their_first_characters() {
    let words = "no ".repeat(100_000);
    let error = json!({"event": "pusher:error", "data": {"code": 4201, "message": words}});
    let refusal = json!({
        "event": "pusher:subscription_error", "channel": "lobby", "data": {"status": 403, "error": words}
    });
    for frame in [error, refusal] {
        let mut client = Client::connected();
        client.want("lobby");
        let shown = format!("{:?}", client.frame(&frame).1);
        assert!(shown.contains("no no") && shown.len() < 1000, "{frame}");
    }
}
