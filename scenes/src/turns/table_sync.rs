//! Keeps the table in sync between clients: receives and sends tables, takes a seat, and frees the seats of clients that have
//! left.

use std::collections::HashMap;
use std::time::Duration;

use bevy::prelude::*;
use bevy_pusher::{SendMode, prelude::*};

use super::{Seat, TABLE_CHANNEL, Table, TableUpdate};

/// How often a seated client sends the table if nothing happens.
const SEND_INTERVAL: Duration = Duration::from_secs(2);

/// A client that sends nothing for this long has left. Longer than a reconnect takes.
const PLAYER_TIMEOUT: Duration = Duration::from_secs(12);

/// How long a new client listens before it takes a seat, since the seats may be taken already.
const JOIN_DELAY: Duration = Duration::from_millis(1200);

/// The state of this client at the table.
#[derive(Resource, Clone, Debug)]
pub struct TableSync {
    /// The seat that this client takes.
    pub me: Seat,
    /// The table.
    pub table: Table,
    /// Whether the table must be sent, because this client has changed it or another client knows less.
    pub needs_send: bool,
    last_seen: HashMap<u64, Duration>,
    last_sent: Option<Duration>,
    subscribed_since: Option<Duration>,
}

impl TableSync {
    /// Creates the state of a client that has received nothing yet.
    #[must_use]
    pub fn new(me: Seat) -> Self {
        Self {
            me,
            table: Table::default(),
            needs_send: false,
            last_seen: HashMap::new(),
            last_sent: None,
            subscribed_since: None,
        }
    }
}

/// Synchronizes [`TableSync`] with the other clients over the table's channel.
#[derive(Debug)]
pub struct TableSyncPlugin;

/// The systems of [`TableSyncPlugin`], in `Update`.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TableSyncSystems;

impl Plugin for TableSyncPlugin {
    fn build(&self, app: &mut App) {
        app.add_pusher_event::<TableUpdate>(TableUpdate::EVENT)
            .add_systems(
                Update,
                (receive_tables, free_stale_seats, take_seat, send_table)
                    .chain()
                    .in_set(TableSyncSystems),
            );
    }
}

fn receive_tables(
    mut updates: MessageReader<PusherEvent<TableUpdate>>,
    time: Res<Time<Real>>,
    mut sync: ResMut<TableSync>,
) {
    for update in updates.read() {
        let TableUpdate { from, table } = update.data();
        sync.last_seen.insert(*from, time.elapsed());
        let before = sync.table.clone();
        sync.table.merge(table);
        // The sender has just joined or reconnected and knows less, so it should receive the table soon.
        sync.needs_send |= before.game.is_ahead_of(&table.game);
    }
}

/// The timeout counts only while subscribed, since nothing is received otherwise.
fn free_stale_seats(
    time: Res<Time<Real>>,
    channels: Query<(), With<PusherSubscribed>>,
    mut sync: ResMut<TableSync>,
) {
    let now = time.elapsed();
    if channels.is_empty() {
        sync.subscribed_since = None;
        return;
    }
    let subscribed_since = *sync.subscribed_since.get_or_insert(now);
    let me = sync.me.id;
    let seated: Vec<u64> = sync
        .table
        .seats
        .iter()
        .flatten()
        .map(|seat| seat.id)
        .filter(|id| *id != me)
        .collect();
    for id in seated {
        let last_seen = sync
            .last_seen
            .get(&id)
            .copied()
            .unwrap_or(subscribed_since)
            .max(subscribed_since);
        if now.saturating_sub(last_seen) >= PLAYER_TIMEOUT {
            sync.table.free_seat(id);
        }
    }
}

fn take_seat(time: Res<Time<Real>>, mut sync: ResMut<TableSync>) {
    let Some(subscribed_since) = sync.subscribed_since else {
        return;
    };
    let has_listened = time.elapsed().saturating_sub(subscribed_since) >= JOIN_DELAY;
    let me = sync.me.clone();
    if has_listened && sync.table.mark_of(me.id).is_none() && sync.table.take_seat(me) {
        sync.needs_send = true;
    }
}

/// A move is sent even while disconnected: the client queues it until it is connected again.
fn send_table(
    time: Res<Time<Real>>,
    connection: Res<PusherConnection>,
    mut sync: ResMut<TableSync>,
) {
    let now = time.elapsed();
    let has_seat = sync.table.mark_of(sync.me.id).is_some();
    let is_due = has_seat
        && sync.subscribed_since.is_some()
        && sync
            .last_sent
            .is_none_or(|last| now.saturating_sub(last) >= SEND_INTERVAL);
    if !is_due && !sync.needs_send {
        return;
    }
    sync.needs_send = false;
    sync.last_sent = Some(now);
    let update = TableUpdate {
        from: sync.me.id,
        table: sync.table.clone(),
    };
    // Each event contains the complete table, so only the latest one matters.
    let sent = connection.send_with(SendMode::Latest, TABLE_CHANNEL, TableUpdate::EVENT, &update);
    if let Err(error) = sent {
        warn!("could not send the table: {error}");
    }
}
