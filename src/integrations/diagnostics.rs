//! [`PusherDiagnosticsPlugin`]: measurements of the connection as Bevy diagnostics. The counters themselves are in `inbound`.

use bevy_app::prelude::*;
use bevy_diagnostic::{Diagnostic, DiagnosticPath, Diagnostics, RegisterDiagnostic};
use bevy_ecs::prelude::*;
use bevy_platform::time::Instant;

use crate::{
    connection::{ConnectionState, PusherConnection, PusherConnectionChanged},
    inbound::Inbound,
};

/// The shortest time over which a rate is measured, in seconds. Rates over a single frame would fluctuate too much.
const RATE_OVER: f64 = 0.5;

/// Adds measurements of the connection as Bevy [`Diagnostic`]s, which overlays and Bevy's log of diagnostics can show. Needs the feature
/// `diagnostics`. Add it together with [`PusherPlugin`](crate::PusherPlugin).
///
/// ```
/// # use bevy::{diagnostic::DiagnosticsStore, prelude::*};
/// # use bevy_pusher::{PusherDiagnosticsPlugin, prelude::*};
/// fn show(store: Res<DiagnosticsStore>) {
///     let round_trip = store.get(&PusherDiagnosticsPlugin::ROUND_TRIP);
///     if let Some(milliseconds) = round_trip.and_then(|diagnostic| diagnostic.smoothed()) {
///         info!("{milliseconds:.1} ms");
///     }
/// }
/// # App::new().add_plugins((MinimalPlugins, PusherPlugin::default(), PusherDiagnosticsPlugin)).add_systems(Update, show).update();
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct PusherDiagnosticsPlugin;

impl PusherDiagnosticsPlugin {
    /// The round-trip time of the last ping, in milliseconds. Pings are sent only after the server was silent.
    pub const ROUND_TRIP: DiagnosticPath = DiagnosticPath::const_new("pusher/round_trip");
    /// Received events per second.
    pub const EVENTS: DiagnosticPath = DiagnosticPath::const_new("pusher/events");
    /// Received bytes per second: the text of the messages, without the overhead of TLS and of the WebSocket.
    pub const BYTES: DiagnosticPath = DiagnosticPath::const_new("pusher/bytes");
    /// Received events and notices that are not delivered to the game yet.
    pub const WAITING: DiagnosticPath = DiagnosticPath::const_new("pusher/waiting");
    /// The number of reconnects since the app started: established connections after the first.
    pub const RECONNECTS: DiagnosticPath = DiagnosticPath::const_new("pusher/reconnects");
    /// The time since the last received message, in seconds, while connected.
    pub const SILENCE: DiagnosticPath = DiagnosticPath::const_new("pusher/silence");
}

impl Plugin for PusherDiagnosticsPlugin {
    fn build(&self, app: &mut App) {
        app.register_diagnostic(Diagnostic::new(Self::ROUND_TRIP).with_suffix(" ms"))
            .register_diagnostic(Diagnostic::new(Self::EVENTS).with_suffix("/s"))
            .register_diagnostic(Diagnostic::new(Self::BYTES).with_suffix(" B/s"))
            .register_diagnostic(Diagnostic::new(Self::WAITING))
            .register_diagnostic(Diagnostic::new(Self::RECONNECTS))
            .register_diagnostic(Diagnostic::new(Self::SILENCE).with_suffix(" s"))
            .add_systems(Last, measure);
    }
}

/// The counters at the last measurement of a rate.
struct Counted {
    at: Instant,
    events: u64,
    bytes: u64,
}

fn measure(
    inbound: Option<Res<Inbound>>,
    connection: Option<Res<PusherConnection>>,
    mut changes: MessageReader<PusherConnectionChanged>,
    mut counted: Local<Option<Counted>>,
    mut connections: Local<u32>,
    mut diagnostics: Diagnostics,
) {
    let (Some(inbound), Some(connection)) = (inbound, connection) else {
        return;
    };
    let is_connected = |change: &&PusherConnectionChanged| {
        matches!(change.current(), ConnectionState::Connected { .. })
    };
    *connections += u32::try_from(changes.read().filter(is_connected).count()).unwrap_or(u32::MAX);
    let reconnects = connections.saturating_sub(1);
    diagnostics.add_measurement(&PusherDiagnosticsPlugin::RECONNECTS, || {
        f64::from(reconnects)
    });

    let now = Instant::now();
    let reading = inbound.queue().traffic();
    let waiting = inbound.queue().waiting();
    diagnostics.add_measurement(&PusherDiagnosticsPlugin::WAITING, || waiting as f64);
    let last = counted.get_or_insert(Counted {
        at: now,
        events: reading.events,
        bytes: reading.bytes,
    });
    let seconds = now.saturating_duration_since(last.at).as_secs_f64();
    if seconds >= RATE_OVER {
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
        let events = rate(reading.events, last.events);
        let bytes = rate(reading.bytes, last.bytes);
        diagnostics.add_measurement(&PusherDiagnosticsPlugin::EVENTS, || events);
        diagnostics.add_measurement(&PusherDiagnosticsPlugin::BYTES, || bytes);
        *last = Counted {
            at: now,
            events: reading.events,
            bytes: reading.bytes,
        };
    }

    if !connection.is_connected() {
        return;
    }
    if let Some(round_trip) = connection.round_trip() {
        diagnostics.add_measurement(&PusherDiagnosticsPlugin::ROUND_TRIP, || {
            round_trip.as_secs_f64() * 1000.0
        });
    }
    if let Some(last_frame) = reading.last_frame {
        diagnostics.add_measurement(&PusherDiagnosticsPlugin::SILENCE, || {
            now.saturating_duration_since(last_frame).as_secs_f64()
        });
    }
}
