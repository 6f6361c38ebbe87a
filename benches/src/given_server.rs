//! Counting the events of a server that somebody else runs: key `k`, channel [`CHANNEL`], events [`EVENT`].

use std::{thread, time::Duration};

use bevy_ecs::prelude::*;
use bevy_pusher::{ConnectionState, config::Limits, prelude::*};
use serde::Serialize;

use crate::{
    frames::{CHANNEL, EVENT},
    game::{Game, Hearing, Run, config},
    statistics::nanoseconds_each,
};

/// What it took to read the events of a server.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Count {
    /// How many.
    pub events: u64,
    /// From the beginning of the last frame before the first event to the end of the frame that read the last one.
    pub seconds: f64,
    /// Events a second.
    pub per_second: f64,
    /// The processor's time of the frames in which there were events, for each event.
    pub main_thread_ns_per_event: f64,
}

impl Count {
    /// Connects, subscribes, and reads so many events in an app that updates as fast as it can. `Err` says why there are not
    /// so many: nothing came for as long as `patience`, the connection ended, or an event was not as it should be.
    pub fn of_server(
        host: &str,
        port: u16,
        events: u64,
        patience: Duration,
    ) -> Result<Self, String> {
        let mut game = Game::with_config(patient(config(host, port)), Hearing::Typed);
        game.app.init_resource::<Ended>().add_observer(note_the_end);
        let run = Run::try_count(events, patience, || {
            if game.update() == 0 {
                thread::yield_now();
            }
            let heard = game.heard();
            if heard.failed > 0 {
                Err(format!("an event {EVENT} is not of the agreed form"))
            } else if heard.lost > 0 {
                Err(format!("{} events were dropped", heard.lost))
            } else if heard.read < events && game.app.world().resource::<Ended>().0 {
                Err("the connection ended".into())
            } else {
                Ok(heard.read)
            }
        });
        let run = run.map_err(|why| {
            let read = game.heard().read;
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

/// Whether the connection ended.
#[derive(Resource, Default)]
struct Ended(bool);

fn note_the_end(changed: On<PusherConnectionChanged>, mut ended: ResMut<Ended>) {
    ended.0 |= matches!(changed.previous(), ConnectionState::Connected { .. });
}

/// With room for what piles up while a busy machine does not let the game run, and for large events.
#[must_use]
pub fn patient(config: PusherConfig) -> PusherConfig {
    config.with_limits(Limits {
        inbound_message_bytes: 8 << 20,
        waiting_events: 2 << 20,
        waiting_bytes: 1 << 30,
        ..Limits::default()
    })
}
