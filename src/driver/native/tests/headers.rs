//! A provider of handshake headers that does not return.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::*;

/// How many calls may hang.
const MOST_CALLS: usize = 4;

/// A configuration that dials again and again, with a provider that hangs until the other end is dropped, and how often it
/// was called.
fn hanging(port: u16) -> (PusherConfig, Sender<()>, Arc<AtomicUsize>) {
    let (release, released) = unbounded::<()>();
    let called = Arc::<AtomicUsize>::default();
    let counter = called.clone();
    let shortly = Duration::from_millis(10);
    let config = config(port)
        .with_timing(dial_timeout(Duration::from_millis(150)))
        .with_reconnect(ReconnectPolicy {
            min_delay: shortly,
            max_delay: shortly,
            ..ReconnectPolicy::default()
        })
        .with_handshake_header_provider(move || {
            counter.fetch_add(1, Ordering::SeqCst);
            let _ = released.recv();
            vec![("x-token".into(), "fresh".into())]
        });
    (config, release, called)
}

#[test]
fn a_header_provider_that_does_not_return_is_called_a_few_times_however_often_it_is_dialled() {
    let server = ScriptedServer::start();
    let (config, release, called) = hanging(server.port());
    let client = Client::connecting(&config);
    let errors: Vec<String> = (0..3 * MOST_CALLS)
        .map(|_| client.expect_loss().to_string())
        .collect();
    // On a busy machine the session may be the first to find that the time is over, which knows no more than that.
    let reason = "the provider of handshake headers did not return within 150ms";
    assert!(
        errors.iter().any(|error| error.contains(reason)),
        "{errors:?}"
    );
    assert_eq!(called.load(Ordering::SeqCst), MOST_CALLS);
    server.expect_no_connection(Duration::ZERO);
    drop(release);
    let connection = server.accept(SOON);
    assert_eq!(connection.request().header("x-token"), Some("fresh"));
    connection.establish("1.1", 120);
    client.expect_connected();
}

#[test]
fn a_client_ends_at_once_while_its_header_provider_hangs() {
    let server = ScriptedServer::start();
    let (config, _release, called) = hanging(server.port());
    let mut client = Client::connecting(&config);
    let deadline = Instant::now() + SOON;
    while called.load(Ordering::SeqCst) == 0 {
        assert!(Instant::now() < deadline, "nobody asked for headers");
        std::thread::sleep(Duration::from_millis(2));
    }
    let begun = Instant::now();
    client.driver.close(Duration::from_secs(1));
    assert_quick(begun);
    // The sink went with the thread.
    while client.told.recv_timeout(SOON).is_ok() {}
    assert!(client.told.recv().is_err());
}
