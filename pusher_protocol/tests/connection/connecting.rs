//! Commands to connect and disconnect.

use super::*;

#[test]
fn connecting_goes_through_connecting_to_connected() {
    let mut client = Client::new(SessionConfig::default());
    let outputs = client.command(Command::Connect);
    assert_eq!(
        states(&outputs),
        [ConnectionState::Connecting { attempt: 1 }]
    );
    assert_eq!(dials(&outputs), 1);
    assert_eq!(
        states(&client.establish()),
        [ConnectionState::Connected {
            socket_id: "1.1".into()
        }]
    );
}

#[test]
fn the_handshake_data_may_be_an_object() {
    let mut client = Client::new(SessionConfig::default());
    client.command(Command::Connect);
    client.open();
    let (_, outputs) = client
        .frame(&json!({"event": "pusher:connection_established", "data": {"socket_id": "9.9"}}));
    assert_eq!(
        states(&outputs),
        [ConnectionState::Connected {
            socket_id: "9.9".into()
        }]
    );
}

#[test]
fn connecting_twice_dials_once() {
    let mut client = Client::new(SessionConfig::default());
    assert_eq!(dials(&client.command(Command::Connect)), 1);
    assert_eq!(client.command(Command::Connect), []);
    client.establish();
    assert_eq!(client.command(Command::Connect), []);
}

#[test]
fn an_idle_session_has_no_timers() {
    let mut client = Client::new(SessionConfig::default());
    assert_eq!(client.session.wake_at(), None);
    assert_eq!(client.command(Command::Disconnect), []);
}

#[test]
fn disconnecting_closes_and_stays_closed() {
    let mut client = Client::connected();
    let outputs = client.command(Command::Disconnect);
    assert_eq!(
        outputs,
        [
            TestOutput::Close,
            TestOutput::Notice(Notice::State(ConnectionState::Disconnected))
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
    let outputs = client.command(Command::Disconnect);
    assert_eq!(outputs.first(), Some(&TestOutput::CancelDial(dial)));
    assert_eq!(client.open(), []);
}

#[test]
fn disconnecting_cancels_the_wait() {
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
    client.wait(SECOND / 4);
    assert_eq!(
        states(&client.command(Command::Connect)),
        [ConnectionState::Connecting { attempt: 1 }]
    );
}

/// Counts the dials of a game that sends `Connect` in every frame for a minute while each dial ends with `end`.
fn dials_of_an_impatient_game(frames_a_second: u32, end: impl Fn(&mut Client)) -> usize {
    let mut client = Client::new(SessionConfig::default());
    let mut dialled = 0;
    for _ in 0..60 * frames_a_second {
        let mut outputs = client.command(Command::Connect);
        outputs.extend(client.wait(SECOND / frames_a_second));
        dialled += dials(&outputs);
        if dials(&outputs) > 0 {
            end(&mut client);
        }
    }
    dialled
}

#[test]
fn connecting_in_every_frame_dials_no_more_than_the_policy() {
    for frames_a_second in [5, 8, 20, 60, 144] {
        let refused =
            dials_of_an_impatient_game(frames_a_second, |client| drop(refuse_dial(client)));
        assert!((5..=25).contains(&refused), "{frames_a_second}: {refused}");
    }
    for code in [1006, 4001, 4100, 4200] {
        let closed = dials_of_an_impatient_game(60, |client| {
            client.establish();
            client.close(Some(code));
        });
        assert!((5..=25).contains(&closed), "{code}: {closed}");
    }
}

#[test]
fn a_hint_in_every_frame_dials_once_a_second() {
    let mut client = Client::connected();
    client.lose();
    let mut dialled = 0;
    for _ in 0..60 * 60 {
        let mut outputs = client.input(Input::Hint(Hint::NetworkChanged));
        outputs.extend(client.wait(SECOND / 60));
        if dials(&outputs) > 0 {
            dialled += 1;
            refuse_dial(&mut client);
        }
    }
    assert!((50..=61).contains(&dialled), "{dialled}");
}

#[test]
fn connecting_at_each_failure_dials_soon_once_then_backs_off() {
    let mut client = Client::connected();
    client.wait(60 * SECOND / 4);
    client.lose();
    client.command(Command::Connect);
    assert_eq!(dials(&client.wait(SECOND)), 1);
    let mut longest = Duration::ZERO;
    for _ in 0..20 {
        refuse_dial(&mut client);
        assert_eq!(client.command(Command::Connect), []);
        let before = client.now.monotonic;
        client.wait_for_dial();
        longest = longest.max(client.now.monotonic - before);
    }
    assert!(longest > 15 * SECOND, "{longest:?}");
}

/// A client whose policy has long delays.
fn with_long_waits() -> Client {
    let mut client = Client::connected_with(SessionConfig {
        reconnect: ReconnectPolicy {
            min_delay: 20 * SECOND,
            max_delay: 60 * SECOND,
            ..ReconnectPolicy::default()
        },
        ..SessionConfig::default()
    });
    client.wait(10 * SECOND);
    client
}

#[test]
fn a_later_manual_connect_skips_the_wait_despite_reactions() {
    let mut client = with_long_waits();
    client.lose();
    client.command(Command::Connect);
    assert_eq!(dials(&client.wait(SECOND)), 1);
    for _ in 0..5 {
        refuse_dial(&mut client);
        assert_eq!(client.command(Command::Connect), []);
        assert_eq!(dials(&client.wait(2 * SECOND)), 0);
        assert_eq!(dials(&client.command(Command::Connect)), 1);
        refuse_dial(&mut client);
        client.command(Command::Connect);
        client.wait_for_dial();
    }
}

#[test]
fn connecting_again_during_the_dial_spacing_changes_nothing() {
    let mut client = with_long_waits();
    client.lose();
    client.wait(SECOND / 2);
    assert_eq!(dials(&client.command(Command::Connect)), 1);
    refuse_dial(&mut client);
    client.wait(SECOND / 2);
    assert_eq!(dials(&client.command(Command::Connect)), 0);
    let waits_until = client.session.wake_at();
    assert_eq!(client.command(Command::Connect), []);
    assert_eq!(client.session.wake_at(), waits_until);
    assert_eq!(dials(&client.wait(SECOND / 2)), 1);
}

#[test]
fn connecting_skips_a_long_first_wait() {
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
fn connecting_soon_after_a_failure_waits_and_reports_why() {
    let mut client = Client::new(SessionConfig::default());
    client.command(Command::Connect);
    client.establish();
    client.close(Some(4001));
    client.wait(SECOND / 4);
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
fn a_redial_keeps_the_channels() {
    let mut client = Client::connected();
    client.subscribe("lobby");
    let outputs = client.command(Command::Redial);
    assert_eq!(outputs.first(), Some(&TestOutput::Close));
    assert_eq!(dials(&outputs), 1);
    assert_eq!(frames(&client.establish()), [subscribe_frame("lobby")]);
    let mut idle = Client::new(SessionConfig::default());
    assert_eq!(idle.command(Command::Redial), []);
}
