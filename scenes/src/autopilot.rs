//! Replays scripted requests when nobody controls the scene: without a window, and while screenshots are taken.

use std::time::Duration;

use bevy::prelude::*;

use crate::connection::{ConnectionSystems, NetworkStatus};

/// Returns a plugin that writes each request once it is due. Each delay, in milliseconds, starts at the request before it, the
/// first one at the first connection.
pub fn autopilot<M: Message + Clone>(
    steps: impl IntoIterator<Item = (u64, M)>,
) -> impl Fn(&mut App) {
    let mut due = Duration::ZERO;
    let steps: Vec<(Duration, M)> = steps
        .into_iter()
        .map(|(pause, request)| {
            due += Duration::from_millis(pause);
            (due, request)
        })
        .collect();
    let steps = steps.into_iter().peekable();
    move |app| {
        let mut steps = steps.clone();
        let write_due = move |time: Res<Time<Real>>,
                              network: Res<NetworkStatus>,
                              mut requests: MessageWriter<M>| {
            let Some(first_connected_at) = network.first_connected_at else {
                return;
            };
            let since = time.elapsed().saturating_sub(first_connected_at);
            while let Some((_, request)) = steps.next_if(|(due, _)| *due <= since) {
                requests.write(request);
            }
        };
        app.add_systems(Update, write_due.before(ConnectionSystems));
    }
}
