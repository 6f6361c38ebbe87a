//! Counts the events of an external server: key `k`, channel [`CHANNEL`], event name [`EVENT`].

use std::{thread, time::Duration};

use bevy_ecs::prelude::*;
use bevy_pusher::{ConnectionState, config::Limits, prelude::*};
use serde::Serialize;

use crate::{
    frames::{CHANNEL, EVENT},
    game::{Game, ReceiveMode, Run, config},
    statistics::nanoseconds_each,
};

/// The measurement of a server's events.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct EventCount {
    /// The number of events.
    pub events: u64,
    /// From the start of the last frame before the first event to the end of the frame that read the last one.
    pub seconds: f64,
    /// Events per second.
    pub per_second: f64,
    /// The CPU time of the frames that read events, per event.
    pub main_thread_ns_per_event: f64,
}

impl EventCount {
    /// Connects, subscribes, and reads this many events in an app that updates without pause. Returns an error if no event
    /// arrives for `timeout`, the connection ends, or an event is dropped or cannot be decoded.
    pub fn of_server(
        host: &str,
        port: u16,
        events: u64,
        timeout: Duration,
    ) -> Result<Self, String> {
        let mut game = Game::with_config(with_large_limits(config(host, port)), ReceiveMode::Typed);
        game.app
            .init_resource::<ConnectionEnded>()
            .add_observer(record_end);
        let run = Run::try_count(events, timeout, || {
            if game.update() == 0 {
                thread::yield_now();
            }
            let received = game.received();
            if received.failed > 0 {
                Err(format!("event {EVENT} could not be decoded"))
            } else if received.lost > 0 {
                Err(format!("{} events were dropped", received.lost))
            } else if received.read < events && game.app.world().resource::<ConnectionEnded>().0 {
                Err("the connection ended".into())
            } else {
                Ok(received.read)
            }
        });
        let run = run.map_err(|why| {
            let read = game.received().read;
            let state = game.app.world().resource::<PusherConnection>().state();
            format!("{why}, after {read} of {events} events on {CHANNEL} ({state})")
        })?;
        Ok(Self {
            events,
            seconds: run.seconds(),
            per_second: events as f64 / run.seconds(),
            main_thread_ns_per_event: nanoseconds_each(run.main_thread, events),
        })
    }
}

/// Whether the connection has ended.
#[derive(Resource, Default)]
struct ConnectionEnded(bool);

fn record_end(changed: On<PusherConnectionChanged>, mut ended: ResMut<ConnectionEnded>) {
    ended.0 |= matches!(changed.previous(), ConnectionState::Connected { .. });
}

/// Raises the limits, for large events and for backlogs on a busy machine, where the app is not scheduled for a while.
#[must_use]
pub fn with_large_limits(config: PusherConfig) -> PusherConfig {
    config.with_limits(Limits {
        inbound_message_bytes: 8 << 20,
        waiting_events: 2 << 20,
        waiting_bytes: 1 << 30,
        ..Limits::default()
    })
}
