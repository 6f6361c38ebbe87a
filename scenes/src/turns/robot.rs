//! A robot that plays when nobody else is there, and makes room when somebody comes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bevy::prelude::*;
use bevy_pusher::{PusherWaker, prelude::*};

use super::{Game, Mark, Seat, Sitting, SittingPlugin, TABLE_CHANNEL};
use crate::{
    company::{Company, player_app},
    dev_server::DevServer,
    server::Identity,
};

/// How many there are.
pub const ROBOTS: usize = 1;

const PACE: Duration = Duration::from_millis(100);

/// How long it thinks, and how long it looks at a game that is over.
const THINK: Duration = Duration::from_millis(1300);
const LOOK: Duration = Duration::from_millis(3500);

/// The cells in the order in which one likes them: the middle, the corners, the rest.
const LIKED: [u8; 9] = [4, 0, 8, 2, 6, 1, 7, 3, 5];

/// What a decent player would do: win, else hinder the other, else take a good place.
#[must_use]
pub fn best_move(game: &Game, mark: Mark) -> Option<u8> {
    let free = || LIKED.into_iter().filter(|cell| !game.moves.contains(cell));
    free()
        .find(|cell| game.would_win(mark, *cell))
        .or_else(|| free().find(|cell| game.would_win(mark.other(), *cell)))
        .or_else(|| free().next())
}

/// Brings the robot to the table on this server.
///
/// # Errors
/// Its thread cannot be started.
pub fn turns_company(server: Arc<DevServer>) -> io::Result<Company> {
    Company::of_players(ROBOTS, PACE, move |_, waker| robot(&server, waker))
}

fn robot(server: &DevServer, waker: PusherWaker) -> App {
    let seat = Seat {
        id: Seat::ROBOT,
        name: "Mira".to_owned(),
    };
    let mut app = player_app(server, &Identity::new("Mira"), waker);
    app.insert_resource(Sitting::new(seat))
        .add_plugins(SittingPlugin)
        .add_systems(Startup, |mut commands: Commands| {
            commands.spawn(PusherChannel::new(TABLE_CHANNEL));
        })
        .add_systems(Update, play);
    app
}

fn play(time: Res<Time<Real>>, mut sitting: ResMut<Sitting>, mut since: Local<(Game, Duration)>) {
    let id = sitting.me.id;
    let Some(mark) = sitting.table.mark_of(id) else {
        return;
    };
    if since.0 != sitting.table.game {
        *since = (sitting.table.game.clone(), time.elapsed());
    }
    let thought = time.elapsed().saturating_sub(since.1);
    if sitting.table.is_over() && thought >= LOOK {
        sitting.table.game = sitting.table.game.next_round();
        sitting.has_news = true;
    } else if sitting.table.is_turn_of(id)
        && thought >= THINK
        && let Some(cell) = best_move(&sitting.table.game, mark)
    {
        sitting.has_news |= sitting.table.play(id, cell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn game(moves: &[u8]) -> Game {
        Game {
            round: 0,
            moves: moves.to_vec(),
        }
    }

    #[test]
    fn a_robot_wins_where_it_can_and_hinders_where_it_must() {
        assert_eq!(best_move(&game(&[0, 3, 1, 4]), Mark::Cross), Some(2));
        assert_eq!(best_move(&game(&[0, 4, 1]), Mark::Nought), Some(2));
        assert_eq!(best_move(&game(&[]), Mark::Cross), Some(4));
    }
}
