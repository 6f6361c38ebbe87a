//! A provider of handshake headers that does not return.

use super::*;

/// How many calls may hang.
const MOST_CALLS: usize = 4;

/// A configuration that retries quickly, with a provider that hangs until the sender is dropped, and one message for each call of it.
fn hanging(port: u16) -> (PusherConfig, Sender<()>, Receiver<()>) {
    let (release, released) = unbounded::<()>();
    let (call, calls) = unbounded();
    let delay = Duration::from_millis(10);
    let config = config(port)
        .with_timing(changed(|timing: &mut Timing| {
            timing.dial_timeout = Duration::from_millis(150)
        }))
        .with_reconnect(ReconnectPolicy {
            min_delay: delay,
            max_delay: delay,
            ..ReconnectPolicy::default()
        })
        .with_handshake_header_provider(move || {
            let _ = call.send(());
            let _ = released.recv();
            vec![("x-token".into(), "fresh".into())]
        });
    (config, release, calls)
}

#[test]
fn hanging_header_provider_is_called_only_a_few_times() {
    let server = ScriptedServer::start();
    let (config, release, calls) = hanging(server.port());
    let client = Client::connecting(&config);
    let errors: Vec<String> = (0..3 * MOST_CALLS)
        .map(|_| client.expect_loss().to_string())
        .collect();
    // On a busy machine, the session's own timeout may come first. Its error does not mention the provider.
    let reason = "the provider of handshake headers did not return within 150ms";
    assert!(
        errors.iter().any(|error| error.contains(reason)),
        "{errors:?}"
    );
    assert_eq!(calls.len(), MOST_CALLS);
    server.expect_no_connection(Duration::ZERO);
    drop(release);
    let connection = client.accept(&server);
    assert_eq!(connection.request().header("x-token"), Some("fresh"));
}

#[test]
fn a_client_ends_at_once_while_its_header_provider_hangs() {
    let server = ScriptedServer::start();
    let (config, _release, calls) = hanging(server.port());
    let mut client = Client::connecting(&config);
    calls.recv_timeout(SOON).expect("a call of the provider");
    client.close_at_once();
    // The sink is dropped at the end of the network thread.
    expect_disconnect(&client.calls);
}
