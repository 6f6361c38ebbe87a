//! Many clients lose one server at once: they must not come back at once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::time::Duration;

use pusher_protocol::session::{Command, ConnectionError, Input, SessionConfig};
use support::*;

const CLIENTS: u64 = 10_000;

/// When each client dials while the server is away for `outage`, after it closed everybody with `code`.
fn dials_of_all(code: Option<u16>, outage: Duration) -> Vec<Vec<Duration>> {
    let dials_of_one = |seed| {
        let mut client = Client::new(SessionConfig {
            seed,
            ..SessionConfig::default()
        });
        client.command(Command::Connect);
        client.establish();
        client.wait(60 * SECOND);
        let lost_at = client.now.monotonic;
        client.close(code);
        let mut times = Vec::new();
        loop {
            client.wait_for_dial();
            let since = client.now.monotonic - lost_at;
            times.push(since);
            if since > outage {
                return times;
            }
            let error = ConnectionError::Tcp {
                host: "h".into(),
                port: 1,
                reason: "connection refused".into(),
            };
            client.input(Input::DialFailed(client.dial.unwrap(), error));
        }
    };
    (0..CLIENTS).map(dials_of_one).collect()
}

/// The largest share of a wave of dials (each client's first, second, …) that falls into one window of 100 ms.
fn densest_windows(dials: &[Vec<Duration>]) -> Vec<f64> {
    let waves = dials.iter().map(Vec::len).max().unwrap();
    (0..waves)
        .map(|wave| {
            let mut times: Vec<Duration> = dials
                .iter()
                .filter_map(|times| times.get(wave).copied())
                .collect();
            times.sort_unstable();
            let within = |start: usize| {
                times[start..].partition_point(|time| *time < times[start] + SECOND / 10)
            };
            let densest = (0..times.len()).map(within).max().unwrap();
            densest as f64 / CLIENTS as f64
        })
        .collect()
}

#[test]
fn ten_thousand_clients_come_back_spread_out() {
    for code in [None, Some(1001), Some(4200)] {
        let windows = densest_windows(&dials_of_all(code, 60 * SECOND));
        assert!(windows.len() >= 5, "{windows:?}");
        assert!(windows[0] <= 0.12, "{code:?}: {windows:?}");
        assert!(
            windows[1..].iter().all(|share| *share <= 0.10),
            "{code:?}: {windows:?}"
        );
        assert!(
            windows[2..].iter().all(|share| *share <= 0.05),
            "{code:?}: {windows:?}"
        );
    }
}
