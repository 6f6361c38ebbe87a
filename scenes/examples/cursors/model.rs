//! The model between the network and the view: the local cursor, and where to show each cursor.

use std::time::Duration;

use bevy::prelude::*;
use bevy::time::common_conditions::on_real_timer;
use pusher_scenes::{
    cursors::{Path, PathPoint},
    player::{Departed, Player},
    toast::{Toast, ToastKind},
};

/// How often the traffic is printed where there is no window.
const TRAFFIC_INTERVAL: Duration = Duration::from_secs(3);

/// The path of another player's cursor.
#[derive(Component, Default)]
pub(crate) struct CursorPath(pub(crate) Path);

/// Where a player's cursor is shown, as a fraction of the board, and whether it draws.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct DisplayedCursor(pub(crate) Option<(Vec2, bool)>);

/// The local player's cursor.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct OwnCursor {
    /// As a fraction of the board; `None` while the pointer is elsewhere.
    pub(crate) position: Option<Vec2>,
    /// Whether it draws.
    pub(crate) pen: bool,
}

/// Whether cursors move smoothly between the received positions, or jump from one to the next.
#[derive(Resource, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IsSmooth(pub(crate) bool);

/// The number of events in the last second.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// Events from other players.
    pub(crate) received: usize,
    /// Events to other players.
    pub(crate) sent: usize,
}

impl Traffic {
    /// Returns a short description.
    pub(crate) fn label(self) -> String {
        format!("in {}, out {} events a second", self.received, self.sent)
    }
}

/// The systems that compute where cursors are shown; in `Update`.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MoveSystems;

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<OwnCursor>()
        .init_resource::<Traffic>()
        .insert_resource(IsSmooth(true))
        .add_observer(add_cursor_components)
        .add_systems(
            Update,
            (move_others, move_own_cursor, update_activity)
                .chain()
                .in_set(MoveSystems),
        );
}

/// Prints the number of events at a fixed interval.
pub(crate) fn print_traffic(app: &mut App) {
    app.add_systems(
        Update,
        (|traffic: Res<Traffic>, mut toasts: MessageWriter<Toast>| {
            toasts.write(Toast::new(ToastKind::Info, traffic.label()));
        })
        .run_if(on_real_timer(TRAFFIC_INTERVAL)),
    );
}

fn add_cursor_components(add: On<Add<Player>>, mut commands: Commands) {
    commands
        .entity(add.entity)
        .insert((CursorPath::default(), DisplayedCursor::default()));
}

fn move_others(
    time: Res<Time<Real>>,
    is_smooth: Res<IsSmooth>,
    mut cursors: Query<(&CursorPath, &mut DisplayedCursor), Without<Departed>>,
) {
    for (CursorPath(path), mut shown) in &mut cursors {
        let point: Option<PathPoint> = if is_smooth.0 {
            path.at(time.elapsed())
        } else {
            path.last()
        };
        let now = point.map(|point| (point.position, point.pen));
        if now.is_some() {
            shown.set_if_neq(DisplayedCursor(now));
        }
    }
}

fn move_own_cursor(own: Res<OwnCursor>, mut cursors: Query<(&Player, &mut DisplayedCursor)>) {
    for (_, mut shown) in cursors.iter_mut().filter(|(player, _)| player.is_you) {
        let now = own.position.map(|position| (position, own.pen));
        shown.set_if_neq(DisplayedCursor(now));
    }
}

fn update_activity(mut players: Query<(&mut Player, Ref<DisplayedCursor>), Without<Departed>>) {
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
