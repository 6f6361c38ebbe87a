//! The action after each error or close code, before the handshake and on an open connection.

use super::*;

/// The effect of a close code: no dial at all, or the range of the first dial's delay.
#[test]
fn close_codes_lead_to_their_action() {
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
        let outputs = client.close(code);
        match expected {
            None => {
                assert!(
                    matches!(&states(&outputs)[..], [ConnectionState::Failed { error }] if error.code() == code),
                    "{code:?}: {outputs:?}"
                );
                assert_eq!(dials(&client.wait(3600 * SECOND)), 0, "{code:?}");
            }
            Some((from, to)) => {
                assert!(
                    matches!(&states(&outputs)[..], [state] if is_waiting(state)),
                    "{code:?}: {outputs:?}"
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
fn an_error_before_the_handshake_counts_as_close_code() {
    for data in [
        json!({"code": 4001, "message": "no such app"}),
        json!("{\"code\":4001,\"message\":\"no such app\"}"),
        json!({"code": "4001", "message": "no such app"}),
    ] {
        let mut client = Client::new(SessionConfig::default());
        client.command(Command::Connect);
        client.open();
        let (_, outputs) = client.frame(&json!({"event": "pusher:error", "data": data}));
        assert_eq!(outputs.first(), Some(&TestOutput::Close));
        let error = ConnectionError::Refused {
            code: Some(4001),
            message: "no such app".into(),
        };
        assert_eq!(states(&outputs), [ConnectionState::Failed { error }]);
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
        let (_, outputs) = client.frame(&json!({"event": "pusher:error", "data": {"code": code}}));
        assert_eq!(states(&outputs).iter().any(is_waiting), retries, "{code}");
    }
}

#[test]
fn an_error_on_an_open_connection_is_only_reported() {
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
        let (event, outputs) = client.frame(&json!({"event": "pusher:error", "data": data}));
        assert_eq!(event, None);
        assert!(
            matches!(
                &outputs[..],
                [TestOutput::Notice(Notice::Error {
                    error: PusherError::Server { .. },
                    attempt: 0
                })]
            ),
            "{data}: {outputs:?}"
        );
    }
}

#[test]
fn a_dial_that_ends_with_a_close_code_follows_it() {
    for (code, is_final) in [(4001, true), (4100, false)] {
        let mut client = Client::new(SessionConfig::default());
        client.command(Command::Connect);
        let error = ConnectionError::Closed {
            code: Some(code),
            reason: String::new(),
        };
        let outputs = client.input(Input::DialFailed(client.dial.unwrap(), error));
        let state = states(&outputs).pop().unwrap();
        let has_failed = matches!(state, ConnectionState::Failed { .. });
        assert_eq!(has_failed, is_final, "{code}: {state:?}");
    }
}
