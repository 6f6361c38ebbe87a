//! A client at the table: it listens, sits down, tells what it knows, and notices who is gone.

use std::collections::HashMap;
use std::time::Duration;

use bevy::prelude::*;
use bevy_pusher::{SendMode, prelude::*};

use super::{Seat, TABLE_CHANNEL, Table, Told};

/// Who has a seat tells how the table is so often, if nothing happens.
const TELL: Duration = Duration::from_secs(2);

/// Whoever is not heard of for so long is gone. Longer than a lost connection takes to come back.
const GONE: Duration = Duration::from_secs(12);

/// A newcomer listens for so long before sitting down: there may be a game.
const LISTEN: Duration = Duration::from_millis(1200);

/// What this client knows of the table.
#[derive(Resource, Clone, Debug)]
pub struct Sitting {
    /// This client, as it would sit down.
    pub me: Seat,
    /// The table.
    pub table: Table,
    /// The table has changed by this client's own doing, and the others are to be told.
    pub has_news: bool,
    heard: HashMap<u64, Duration>,
    last_told: Option<Duration>,
    since: Option<Duration>,
}

impl Sitting {
    /// A client that has heard nothing yet.
    #[must_use]
    pub fn new(me: Seat) -> Self {
        Self {
            me,
            table: Table::default(),
            has_news: false,
            heard: HashMap::new(),
            last_told: None,
            since: None,
        }
    }
}

/// Keeps [`Sitting`] and the others' tables in step, over the channel of the table.
#[derive(Debug)]
pub struct SittingPlugin;

/// The systems of [`SittingPlugin`], in `Update`.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SittingSystems;

impl Plugin for SittingPlugin {
    fn build(&self, app: &mut App) {
        app.add_pusher_event::<Told>(Told::EVENT).add_systems(
            Update,
            (hear, forget_who_is_gone, sit_down, tell)
                .chain()
                .in_set(SittingSystems),
        );
    }
}

fn hear(
    mut told: MessageReader<PusherEvent<Told>>,
    time: Res<Time<Real>>,
    mut sitting: ResMut<Sitting>,
) {
    for told in told.read() {
        let Told { from, table } = told.data();
        sitting.heard.insert(*from, time.elapsed());
        let before = sitting.table.clone();
        sitting.table.learn(table);
        // Somebody came, or came back, who knows less: the sooner they hear of it the better.
        sitting.has_news |= before.game.is_ahead_of(&table.game);
    }
}

/// Counts only while there is a connection: without, nobody is heard.
fn forget_who_is_gone(
    time: Res<Time<Real>>,
    channels: Query<(), With<PusherSubscribed>>,
    mut sitting: ResMut<Sitting>,
) {
    let now = time.elapsed();
    if channels.is_empty() {
        sitting.since = None;
        return;
    }
    let since = *sitting.since.get_or_insert(now);
    let me = sitting.me.id;
    let seated: Vec<u64> = sitting
        .table
        .seats
        .iter()
        .flatten()
        .map(|seat| seat.id)
        .filter(|id| *id != me)
        .collect();
    for id in seated {
        let heard = sitting.heard.get(&id).copied().unwrap_or(since).max(since);
        if now.saturating_sub(heard) >= GONE {
            sitting.table.free(id);
        }
    }
}

fn sit_down(time: Res<Time<Real>>, mut sitting: ResMut<Sitting>) {
    let Some(since) = sitting.since else {
        return;
    };
    let has_listened = time.elapsed().saturating_sub(since) >= LISTEN;
    let me = sitting.me.clone();
    if has_listened && sitting.table.mark_of(me.id).is_none() && sitting.table.sit(me) {
        sitting.has_news = true;
    }
}

/// What has been done is told even if there is no connection just now: it waits for the next one.
fn tell(time: Res<Time<Real>>, connection: Res<PusherConnection>, mut sitting: ResMut<Sitting>) {
    let now = time.elapsed();
    let has_seat = sitting.table.mark_of(sitting.me.id).is_some();
    let is_due = has_seat
        && sitting.since.is_some()
        && sitting
            .last_told
            .is_none_or(|last| now.saturating_sub(last) >= TELL);
    if !is_due && !sitting.has_news {
        return;
    }
    sitting.has_news = false;
    sitting.last_told = Some(now);
    let told = Told {
        from: sitting.me.id,
        table: sitting.table.clone(),
    };
    // The whole table each time, so only the latest counts.
    let sent = connection.send_with(SendMode::Latest, TABLE_CHANNEL, Told::EVENT, &told);
    if let Err(error) = sent {
        warn!("the others were not told: {error}");
    }
}
