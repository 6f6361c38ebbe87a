//! What the person before the scene does when there is none: without a window, and while pictures are taken.

use std::time::Duration;

use bevy::prelude::*;

use crate::link::{Link, LinkSystems};

/// Wants these things, each so many milliseconds after the one before, from the first connection on.
pub fn autopilot<M: Message + Clone>(
    steps: impl IntoIterator<Item = (u64, M)>,
) -> impl Fn(&mut App) {
    let mut due = Duration::ZERO;
    let steps: Vec<(Duration, M)> = steps
        .into_iter()
        .map(|(pause, wish)| {
            due += Duration::from_millis(pause);
            (due, wish)
        })
        .collect();
    let steps = steps.into_iter().peekable();
    move |app| {
        let mut steps = steps.clone();
        let press = move |time: Res<Time<Real>>, link: Res<Link>, mut wishes: MessageWriter<M>| {
            let Some(up_since) = link.up_since else {
                return;
            };
            let since = time.elapsed().saturating_sub(up_since);
            while let Some((_, wish)) = steps.next_if(|(due, _)| *due <= since) {
                wishes.write(wish);
            }
        };
        app.add_systems(Update, press.before(LinkSystems));
    }
}
