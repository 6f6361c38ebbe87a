//! What the board knows: where each cursor is to be seen. The seam between what one sees and the network.

use std::time::Duration;

use bevy::prelude::*;
use bevy::time::common_conditions::on_real_timer;
use pusher_scenes::{
    cursors::{Path, PathPoint},
    player::{Departed, Player},
    toast::{Toast, ToastKind},
};

/// How often the number of events is told where there is no window.
const TOLD: Duration = Duration::from_secs(3);

/// The way of another player's cursor.
#[derive(Component, Default)]
pub(crate) struct Way(pub(crate) Path);

/// Where a player's cursor is to be seen now, in parts of the board, and whether it draws.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Shown(pub(crate) Option<(Vec2, bool)>);

/// One's own cursor.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Mine {
    /// In parts of the board; none while the pointer is elsewhere.
    pub(crate) position: Option<Vec2>,
    /// Whether it draws.
    pub(crate) pen: bool,
}

/// Whether cursors are drawn on a smooth way between the positions that were told, or jump from one to the next.
#[derive(Resource, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IsSmooth(pub(crate) bool);

/// Events of the last second.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// From the others.
    pub(crate) came: usize,
    /// To the others.
    pub(crate) left: usize,
}

impl Traffic {
    /// In a few words.
    pub(crate) fn words(self) -> String {
        format!("in {}, out {} events a second", self.came, self.left)
    }
}

/// When cursors have been moved to where they are to be seen; in `Update`.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MoveSystems;

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<Mine>()
        .init_resource::<Traffic>()
        .insert_resource(IsSmooth(true))
        .add_observer(give_way)
        .add_systems(
            Update,
            (move_others, move_mine, tell_what_they_do)
                .chain()
                .in_set(MoveSystems),
        );
}

/// Prints the number of events now and then.
pub(crate) fn tell_traffic(app: &mut App) {
    app.add_systems(
        Update,
        (|traffic: Res<Traffic>, mut toasts: MessageWriter<Toast>| {
            toasts.write(Toast::new(ToastKind::Info, traffic.words()));
        })
        .run_if(on_real_timer(TOLD)),
    );
}

fn give_way(add: On<Add<Player>>, mut commands: Commands) {
    commands
        .entity(add.entity)
        .insert((Way::default(), Shown::default()));
}

fn move_others(
    time: Res<Time<Real>>,
    is_smooth: Res<IsSmooth>,
    mut cursors: Query<(&Way, &mut Shown), Without<Departed>>,
) {
    for (Way(path), mut shown) in &mut cursors {
        let point: Option<PathPoint> = if is_smooth.0 {
            path.at(time.elapsed())
        } else {
            path.last()
        };
        let now = point.map(|point| (point.position, point.pen));
        if now.is_some() {
            shown.set_if_neq(Shown(now));
        }
    }
}

fn move_mine(mine: Res<Mine>, mut cursors: Query<(&Player, &mut Shown)>) {
    for (_, mut shown) in cursors.iter_mut().filter(|(player, _)| player.is_you) {
        let now = mine.position.map(|position| (position, mine.pen));
        shown.set_if_neq(Shown(now));
    }
}

fn tell_what_they_do(mut players: Query<(&mut Player, Ref<Shown>), Without<Departed>>) {
    for (mut player, shown) in &mut players {
        let doing = match shown.0 {
            Some((_, true)) => "drawing",
            _ => "watching",
        };
        if player.doing != doing {
            player.doing = doing.to_owned();
        }
    }
}
