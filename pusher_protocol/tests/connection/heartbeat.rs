//! Pings, pongs, and the detection of sleep.

use super::*;

#[test]
fn silence_leads_to_a_ping_and_then_to_a_reconnect() {
    let mut client = Client::connected();
    let ping = json!({"event": "pusher:ping", "data": {}});
    assert_eq!(client.wait(30 * SECOND - Duration::from_millis(1)), []);
    assert_eq!(
        client.wait(Duration::from_millis(1)),
        [TestOutput::Frame(ping)]
    );
    assert_eq!(client.wait(10 * SECOND - Duration::from_millis(1)), []);
    let outputs = client.wait(Duration::from_millis(1));
    assert_eq!(outputs.first(), Some(&TestOutput::Abandon));
    let state = states(&outputs).pop().unwrap();
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
fn a_new_activity_timeout_applies_to_the_open_connection() {
    let mut client = Client::connected();
    let with = |seconds| SessionConfig {
        timing: Timing {
            activity_timeout: seconds * SECOND,
            ..Timing::default()
        },
        ..SessionConfig::default()
    };
    client.wait(3 * SECOND);
    client.session.configure(with(5));
    assert_eq!(client.wait(SECOND), []);
    assert_eq!(frames(&client.wait(SECOND)).len(), 1);
    client.frame(&json!({"event": "pusher:pong"}));
    client.session.configure(with(200));
    assert_eq!(client.wait(119 * SECOND), []);
    assert_eq!(frames(&client.wait(SECOND)).len(), 1, "the server's own");
}

#[test]
fn anything_received_proves_the_connection_is_alive() {
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
fn a_pong_reports_the_round_trip() {
    let mut client = Client::connected();
    client.wait(30 * SECOND);
    client.wait(Duration::from_millis(42));
    let (_, outputs) = client.frame(&json!({"event": "pusher:pong", "data": {}}));
    assert_eq!(
        notices(&outputs),
        [Notice::RoundTrip(Duration::from_millis(42))]
    );
}

#[test]
fn a_ping_gets_a_pong_and_nothing_else() {
    let mut client = Client::connected();
    let pong = [TestOutput::Frame(
        json!({"event": "pusher:pong", "data": {}}),
    )];
    assert_eq!(
        client.frame(&json!({"event": "pusher:ping", "data": {}})).1,
        pong
    );
    assert_eq!(client.frame(&json!({"event": "pusher:ping"})).1, pong);
}

#[test]
fn after_sleep_the_connection_is_pinged_at_once() {
    let mut client = Client::connected();
    client.wait(SECOND);
    client.now.wall += 600 * SECOND;
    let outputs = client.input(Input::TimePassed);
    assert_eq!(
        frames(&outputs),
        [json!({"event": "pusher:ping", "data": {}})]
    );
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

fn pings(outputs: &[TestOutput]) -> usize {
    let ping = json!({"event": "pusher:ping", "data": {}});
    frames(outputs)
        .iter()
        .filter(|frame| **frame == ping)
        .count()
}

#[test]
fn after_sleep_a_dead_connection_is_detected_soon() {
    let mut client = Client::connected();
    client.subscribe("lobby");
    client.wait(SECOND);
    client.now.wall += 600 * SECOND;
    let buffered = json!({"event": "e", "channel": "lobby", "data": "1"});
    for _ in 0..3 {
        assert!(client.frame(&buffered).0.is_some());
    }
    let outputs = client.wait(5 * SECOND);
    assert_eq!(pings(&outputs), 1);
    assert!(states(&outputs).iter().any(is_waiting), "{outputs:?}");
}

#[test]
fn after_sleep_a_live_connection_with_old_frames_survives() {
    let mut client = Client::connected();
    client.wait(SECOND);
    client.now.wall += 600 * SECOND;
    client.frame(&json!({"event": "pusher:ping"}));
    assert_eq!(pings(&client.wait(SECOND)), 1);
    client.frame(&json!({"event": "pusher:pong"}));
    assert_eq!(client.wait(20 * SECOND), []);
}

#[test]
fn after_sleep_a_silent_connection_gets_no_extra_time() {
    let mut client = Client::connected();
    client.now.monotonic += 30 * SECOND;
    client.now.wall += 600 * SECOND;
    assert_eq!(pings(&client.input(Input::TimePassed)), 1);
    assert!(states(&client.wait(5 * SECOND)).iter().any(is_waiting));
}

#[test]
fn after_sleep_a_stale_frame_does_not_hide_the_sleep() {
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
fn checking_in_every_frame_pings_once_a_second() {
    let mut client = Client::connected();
    let mut pings = 0;
    for _ in 0..600 {
        pings += frames(&client.input(Input::Hint(Hint::NetworkChanged))).len();
        client.frame(&json!({"event": "pusher:pong"}));
        pings += frames(&client.wait(Duration::from_millis(17))).len();
    }
    assert!((8..=11).contains(&pings), "{pings}");
}
