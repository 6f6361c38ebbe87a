//! Tests of the diagnostics plugin.
#![cfg(feature = "diagnostics")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code: a failed expectation is a failed test"
)]

mod support;

use std::time::Duration;

use bevy::{
    diagnostic::{DiagnosticPath, DiagnosticsPlugin, DiagnosticsStore},
    prelude::*,
};
use bevy_pusher::{PusherDiagnosticsPlugin, config::*, prelude::*};
use pusher_test_support::{ScriptedServer, standard_reply, update_until};
use serde_json::json;
use support::*;

fn value(world: &World, path: &DiagnosticPath) -> Option<f64> {
    world
        .resource::<DiagnosticsStore>()
        .get(path)
        .unwrap()
        .value()
}

#[test]
fn diagnostics_measure_traffic_round_trip_and_reconnects() {
    let server = ScriptedServer::start();
    let timing = Timing {
        activity_timeout: Duration::from_millis(200),
        ..Timing::default()
    };
    let endpoint = Endpoint::custom("127.0.0.1", server.port());
    let config = PusherConfig::new("app-key", endpoint).with_timing(timing);
    let mut app = game(with_short_retry_delay(config));
    app.add_plugins((DiagnosticsPlugin, PusherDiagnosticsPlugin));
    let lobby = spawn(&mut app, "lobby");
    app.update();
    let connection = server.accept(TIMEOUT);
    connection.reply_with(standard_reply);
    connection.establish("1.1", 120);
    connection.expect_event("pusher:subscribe", TIMEOUT);
    wait_until_subscribed(&mut app, lobby);

    let text = json!({"event": "news", "channel": "lobby", "data": "\"hello\""}).to_string();
    let mut sent = 0;
    update_until(&mut app, "a rate of events", TIMEOUT, |world| {
        connection.send_text(&text);
        sent += 1;
        value(world, &PusherDiagnosticsPlugin::EVENTS).is_some_and(|rate| rate > 1.0)
    });
    // A rate is measured over at least half a second, so it is at most twice the number of events that were sent.
    let events = value(app.world(), &PusherDiagnosticsPlugin::EVENTS).unwrap();
    assert!(events <= f64::from(sent) * 2.0, "{events} of {sent}");
    let bytes = value(app.world(), &PusherDiagnosticsPlugin::BYTES).unwrap();
    assert!(bytes >= events * text.len() as f64, "{bytes}");

    update_until(&mut app, "a round trip in silence", TIMEOUT, |world| {
        value(world, &PusherDiagnosticsPlugin::ROUND_TRIP).is_some()
    });
    let round_trip = value(app.world(), &PusherDiagnosticsPlugin::ROUND_TRIP).unwrap();
    assert!(round_trip > 0.0 && round_trip < 10_000.0, "{round_trip}");
    let silence = value(app.world(), &PusherDiagnosticsPlugin::SILENCE).unwrap();
    assert!((0.0..20.0).contains(&silence), "{silence}");
    assert_eq!(
        value(app.world(), &PusherDiagnosticsPlugin::WAITING),
        Some(0.0)
    );

    assert_eq!(
        value(app.world(), &PusherDiagnosticsPlugin::RECONNECTS),
        Some(0.0)
    );
    connection.cut();
    update_until(&mut app, "the loss", TIMEOUT, |world| {
        !world.resource::<PusherConnection>().is_connected()
    });
    let connection = server.accept(TIMEOUT);
    connection.establish("2.2", 120);
    connected(&mut app);
    assert_eq!(
        value(app.world(), &PusherDiagnosticsPlugin::RECONNECTS),
        Some(1.0)
    );
}
