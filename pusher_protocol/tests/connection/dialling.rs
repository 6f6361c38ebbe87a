//! Failed dials, and edge cases of timers.

use super::*;

#[test]
fn a_407_of_the_proxy_is_final() {
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
        let outputs = client.input(Input::DialFailed(dial, error.clone()));
        let failed = states(&outputs) == [ConnectionState::Failed { error }];
        assert_eq!(failed, is_final, "{status:?}");
    }
}

#[test]
fn an_endpoint_without_a_handshake_is_retried() {
    for text in [
        "garbage",
        "{}",
        r#"{"event":"my-event","channel":"lobby"}"#,
        r#"{"event":"pusher:connection_established"}"#,
    ] {
        let mut client = Client::new(SessionConfig::default());
        client.command(Command::Connect);
        client.open();
        let (_, outputs) = client.text(text);
        assert_eq!(outputs.first(), Some(&TestOutput::Close), "{text}");
        let state = states(&outputs).pop().unwrap();
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
fn a_close_before_the_handshake_suggests_the_app_key() {
    let mut client = Client::new(SessionConfig::default());
    client.command(Command::Connect);
    client.open();
    let dial = client.dial.unwrap();
    let lost = ConnectionError::Lost {
        reason: "the end".into(),
    };
    let outputs = client.input(Input::Closed(dial, lost));
    let state = states(&outputs).pop().unwrap();
    let ConnectionState::Waiting { error, .. } = state else {
        panic!("{state:?}")
    };
    assert!(error.to_string().contains("check the app key"), "{error}");
}

#[test]
fn a_hanging_dial_times_out() {
    let mut client = Client::new(SessionConfig::default());
    client.command(Command::Connect);
    let dial = client.dial.unwrap();
    let outputs = client.wait(10 * SECOND);
    assert_eq!(outputs.first(), Some(&TestOutput::CancelDial(dial)));
    assert!(states(&outputs).iter().any(|state| matches!(
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
fn a_missing_handshake_times_out() {
    let mut client = Client::new(SessionConfig::default());
    client.command(Command::Connect);
    client.open();
    let outputs = client.wait(10 * SECOND);
    assert_eq!(outputs.first(), Some(&TestOutput::Abandon));
    let after = 10 * SECOND;
    assert!(
        states(&outputs)
            .iter()
            .any(|state| matches!(state, ConnectionState::Waiting {
        error: ConnectionError::TimedOut { phase: DialPhase::Establishment, after: limit }, ..
    } if *limit == after))
    );
}

#[test]
fn an_invalid_endpoint_fails_at_once() {
    let mut client = Client::new(SessionConfig::default());
    client.command(Command::Connect);
    let dial = client.dial.unwrap();
    let outputs = client.input(Input::DialFailed(dial, EndpointError::NoKey.into()));
    assert!(matches!(
        &states(&outputs)[..],
        [ConnectionState::Failed { .. }]
    ));
    assert_eq!(client.wait(3600 * SECOND), []);
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
    let outputs = client.wait(SECOND);
    assert!(dials(&outputs) <= 100, "{}", dials(&outputs));
}

#[test]
fn huge_timings_do_not_overflow() {
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
