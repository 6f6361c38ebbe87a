//! Received frames that are not of the protocol, or are of a stale connection.

use super::*;

#[test]
fn inputs_of_a_stale_socket_are_ignored() {
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
fn garbage_is_reported_and_the_next_event_arrives() {
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
        let (event, outputs) = client.text(text);
        assert_eq!(event, None);
        assert!(
            matches!(&outputs[..], [TestOutput::Notice(Notice::Error { .. })]),
            "{text}: {outputs:?}"
        );
    }
    let dial = client.dial.unwrap();
    assert!(matches!(
        &client.input(Input::BinaryFrame(dial))[..],
        [TestOutput::Notice(Notice::Error { error: PusherError::Frame(error), .. })]
            if error.to_string().ends_with("not a Pusher message: a binary message")
    ));
    let (event, _) = client.frame(&json!({"event": "e", "channel": "lobby", "data": "1"}));
    assert!(event.is_some());
}

#[test]
fn a_long_server_message_is_cut_to_an_excerpt() {
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
