//! How often a scene draws: only when there is something to see.

use std::time::Duration;

use bevy::prelude::*;
use bevy::window::RequestRedraw;
use bevy::winit::{UpdateMode, WinitSettings};

/// How long an idle window sleeps. Input, the network and everything that moves wake it sooner; what only this bounds is
/// the answer to Ctrl+C in the terminal.
const IDLE: Duration = Duration::from_secs(1);

/// How long a window sleeps while something counts seconds.
const COUNTING: Duration = Duration::from_millis(200);

/// How the window sleeps while nothing moves and nothing counts.
#[derive(Resource, Clone, Debug)]
pub struct Idle(pub WinitSettings);

/// What this frame's systems want to see next. It is forgotten after each frame, so each of them asks as long as it needs.
#[derive(Resource, Debug, Default)]
pub struct Pace {
    moving: bool,
    counting: bool,
}

impl Pace {
    /// Something moves: draw the next frame at once.
    pub fn moving(&mut self) {
        self.moving = true;
    }

    /// Something on the screen tells the time or must vanish in time: draw a few times a second.
    pub fn counting(&mut self) {
        self.counting = true;
    }
}

pub(crate) struct PacePlugin;

impl Plugin for PacePlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Pace>()
            .insert_resource(Idle(settings(IDLE)))
            .insert_resource(settings(IDLE))
            .add_systems(Last, keep_pace);
    }
}

fn settings(wait: Duration) -> WinitSettings {
    WinitSettings {
        focused_mode: UpdateMode::reactive_low_power(wait),
        unfocused_mode: UpdateMode::reactive_low_power(wait),
    }
}

fn keep_pace(
    mut pace: ResMut<Pace>,
    idle: Res<Idle>,
    mut winit: ResMut<WinitSettings>,
    mut redraw: MessageWriter<RequestRedraw>,
) {
    if pace.moving {
        redraw.write(RequestRedraw);
    }
    // Two fixed steps and no exact remainder: a changed setting wakes the window, and an ever changing one would never
    // let it sleep.
    let wanted = if pace.counting {
        settings(COUNTING)
    } else {
        idle.0.clone()
    };
    if winit.focused_mode != wanted.focused_mode {
        *winit = wanted;
    }
    *pace = Pace::default();
}
