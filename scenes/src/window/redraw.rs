//! Controls how often the window is drawn: only when something on it changes.

use std::time::Duration;

use bevy::prelude::*;
use bevy::window::RequestRedraw;
use bevy::winit::{UpdateMode, WinitSettings};

/// How long an idle window sleeps. Input, network events and animations wake it earlier, so this only bounds the reaction to
/// Ctrl-C in the terminal.
const IDLE: Duration = Duration::from_secs(1);

/// How long the window sleeps while something counts seconds.
const PERIODIC: Duration = Duration::from_millis(200);

/// The settings that apply while no system requests frames.
#[derive(Resource, Clone, Debug)]
pub struct IdleSettings(pub WinitSettings);

/// The frames that systems have requested. The requests are cleared after each frame, so a system repeats its request as long
/// as it needs frames.
#[derive(Resource, Debug, Default)]
pub struct RedrawNeeds {
    next_frame: bool,
    periodic: bool,
}

impl RedrawNeeds {
    /// Requests the next frame at once, for an animation.
    pub fn request_next_frame(&mut self) {
        self.next_frame = true;
    }

    /// Requests a few frames per second, for something that counts seconds or disappears after a time.
    pub fn request_periodic(&mut self) {
        self.periodic = true;
    }
}

pub(crate) struct RedrawPlugin;

impl Plugin for RedrawPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<RedrawNeeds>()
            .insert_resource(IdleSettings(settings(IDLE)))
            .insert_resource(settings(IDLE))
            .add_systems(Last, apply_redraw_needs);
    }
}

fn settings(wait: Duration) -> WinitSettings {
    WinitSettings {
        focused_mode: UpdateMode::reactive_low_power(wait),
        unfocused_mode: UpdateMode::reactive_low_power(wait),
    }
}

fn apply_redraw_needs(
    mut needs: ResMut<RedrawNeeds>,
    idle: Res<IdleSettings>,
    mut winit: ResMut<WinitSettings>,
    mut redraw: MessageWriter<RequestRedraw>,
) {
    if needs.next_frame {
        redraw.write(RequestRedraw);
    }
    // Two fixed intervals instead of the exact remaining time: each change of the settings wakes the window, so a value that
    // always changes would never let it sleep.
    let wanted = if needs.periodic {
        settings(PERIODIC)
    } else {
        idle.0.clone()
    };
    if winit.focused_mode != wanted.focused_mode {
        *winit = wanted;
    }
    *needs = RedrawNeeds::default();
}
