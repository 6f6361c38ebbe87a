//! Reconnecting after a lost connection: delays and limits.

use super::*;

#[test]
fn it_retries_forever_with_growing_delays() {
    let mut client = Client::new(SessionConfig::default());
    client.command(Command::Connect);
    let mut longest = Duration::ZERO;
    for attempt in 1..=200 {
        let state = states(&refuse_dial(&mut client)).pop().unwrap();
        let ConnectionState::Waiting {
            retry_at,
            attempt: reported,
            ..
        } = state
        else {
            panic!("{state:?}")
        };
        assert_eq!(reported, attempt);
        let delay = retry_at - client.now.monotonic;
        assert!(delay >= SECOND && delay <= 30 * SECOND, "{delay:?}");
        longest = longest.max(delay);
        assert_eq!(dials(&client.wait(delay)), 1);
    }
    assert!(longest > 25 * SECOND, "{longest:?}");
}

#[test]
fn a_short_connection_does_not_reset_the_backoff() {
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
    // After eleven failures the delay ranges from 1 to 30 s. If it still had the first range, all 20 would stay below 2 s.
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
fn connecting_after_max_attempts_starts_a_new_count() {
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
fn repeated_immediate_reconnects_back_off() {
    let mut client = Client::new(SessionConfig::default());
    client.command(Command::Connect);
    client.establish();
    let mut dialled = 0;
    let start = client.now.monotonic;
    while client.now.monotonic - start < 60 * SECOND {
        client.close(Some(4200));
        let outputs = client.wait(SECOND);
        if dials(&outputs) > 0 {
            dialled += 1;
            client.establish();
        }
    }
    assert!((4..=25).contains(&dialled), "{dialled}");
}

#[test]
fn fifty_drops_in_a_row_end_subscribed_again() {
    let mut client = Client::connected();
    client.subscribe("lobby");
    for _ in 0..50 {
        client.lose();
        client.wait_for_dial();
        let outputs = client.establish();
        assert_eq!(frames(&outputs), [subscribe_frame("lobby")]);
        client.confirm("lobby");
    }
    let (event, _) = client.frame(&json!({"event": "e", "channel": "lobby", "data": "1"}));
    assert!(event.is_some());
}

#[test]
fn a_network_hint_skips_the_wait() {
    let mut client = Client::connected();
    client.wait(SECOND);
    client.lose();
    assert_eq!(dials(&client.input(Input::Hint(Hint::NetworkChanged))), 1);
    let mut live = Client::connected();
    assert_eq!(frames(&live.input(Input::Hint(Hint::Resumed))).len(), 1);
    assert_eq!(live.input(Input::Hint(Hint::Resumed)), []);
}
