//! The system that hands over what came, within its time, in its order.

mod budget;
mod reports;

use std::{sync::Arc, time::Duration};

use bevy_ecs::{change_detection::DetectChangesMut, prelude::*};
use bevy_platform::time::Instant;
use pusher_protocol::{
    ChannelName,
    config::Limits,
    protocol::{Member, Roster},
    session::{Membership, Notice, SubscriptionStatus},
};

use crate::{
    ConnectionState, PusherCacheMissed, PusherConnection, PusherConnectionChanged,
    PusherErrorReported, PusherEvent, PusherGlobalEvent, PusherLagged, PusherMemberJoined,
    PusherMemberLeft, PusherSendAnswered, PusherSignInChanged, PusherSubscription,
    PusherSubscriptionChanged, PusherSubscriptionCountChanged, PusherUser, PusherUserEvent,
    PusherWatchlistChanged, SignInState,
    channel::{Subscribers, write},
    client::Client,
    delivery::Delivery,
    event::{LagCause, Losses, Origin, Stream},
    handover::{Batch, Entry, Mailbox, age_messages},
    presence::PusherMembers,
};
use budget::Budget;
pub(crate) use reports::Reports;

/// The frame's end of the hand-over: emptied, and used again.
#[derive(Resource, Default)]
pub(crate) struct Inbox(Batch);

/// Hands over what came, until nothing is left or the time is up; the rest comes with the next frame.
pub(crate) fn receive(world: &mut World) {
    let Some(client) = world.get_resource::<Client>() else {
        return;
    };
    let mailbox = client.mailbox().clone();
    let started = client.started();
    let (time, most_unread) = match client.config() {
        Some(config) => (config.receive_budget(), config.limits().unread_messages),
        None => {
            let Limits {
                receive_budget,
                unread_messages,
                ..
            } = Limits::default();
            (receive_budget, unread_messages)
        }
    };
    let Some(mut inbox) = world.get_resource_mut::<Inbox>() else {
        return;
    };
    let mut in_progress = BatchInProgress {
        batch: std::mem::take(&mut inbox.bypass_change_detection().0),
        mailbox: &mailbox,
    };
    let batch = &mut in_progress.batch;
    mailbox.take(batch);
    if let Some(round_trip) = batch.take_round_trip()
        && let Some(mut connection) = world.get_resource_mut::<PusherConnection>()
    {
        connection
            .bypass_change_detection()
            .set_round_trip(round_trip);
    }
    let mut delivery = Delivery::new(world);
    if !batch.is_empty() {
        let mut budget = Budget::new(time);
        // What is under way is delivered whatever the budget, so that a tiny one does not stop everything.
        while deliver_next(batch, &mut delivery, &mut budget, started) && !budget.is_spent() {}
        delivery.write_raw_messages();
        for column in batch.columns() {
            column.write_messages(delivery.world);
        }
        age(batch, &mut delivery, most_unread);
    }
    let emptied = in_progress.give_back();
    if let Some(mut inbox) = delivery.world.get_resource_mut::<Inbox>() {
        inbox.bypass_change_detection().0 = emptied;
    }
    delivery.finish();
}

/// The batch that is being delivered. Whatever is left of it goes back into the queue for the next frame, even if this is dropped by
/// a panic.
struct BatchInProgress<'m> {
    batch: Batch,
    mailbox: &'m Mailbox,
}

impl BatchInProgress<'_> {
    /// Returns the emptied batch.
    fn give_back(mut self) -> Batch {
        self.give_back_rest();
        std::mem::take(&mut self.batch)
    }

    fn give_back_rest(&mut self) {
        if !self.batch.is_empty() {
            self.mailbox.give_back(&mut self.batch);
        }
    }
}

impl Drop for BatchInProgress<'_> {
    fn drop(&mut self) {
        self.give_back_rest();
    }
}

/// Hands over the next entry, of many events as many as there is time for. Returns whether there was one.
fn deliver_next(
    batch: &mut Batch,
    delivery: &mut Delivery<'_>,
    budget: &mut Budget,
    started: Option<Instant>,
) -> bool {
    match batch.pop() {
        Some(Entry::Events(stream, rows)) => deliver_events(batch, delivery, &stream, rows, budget),
        Some(Entry::Notice(notice)) => deliver_notice(delivery, *notice, started),
        Some(Entry::Lost(losses)) => delivery.tell(PusherLagged::new(*losses, LagCause::Waiting)),
        Some(Entry::Roster(roster)) => replace_roster(delivery, &roster.0, roster.1),
        // Taken apart by the batch itself.
        Some(Entry::Digest(_)) => {}
        None => return false,
    }
    true
}

fn deliver_events(
    batch: &mut Batch,
    delivery: &mut Delivery<'_>,
    stream: &Arc<Stream>,
    rows: usize,
    budget: &mut Budget,
) {
    for delivered in 1..=rows {
        let Some(row) = batch.pop_row() else { return };
        let origin = Origin {
            stream,
            user_id: row.user_id.as_ref(),
            extras: row.extras.as_ref(),
        };
        if let Some(raw) = row.raw {
            delivery.deliver_raw(origin, raw);
        }
        for &index in &stream.columns {
            if let Some(column) = batch.column(index) {
                column.deliver(origin, delivery);
            }
        }
        if budget.is_spent() {
            return batch.put_back(stream.clone(), rows - delivered);
        }
    }
}

fn deliver_notice(delivery: &mut Delivery<'_>, notice: Notice, started: Option<Instant>) {
    match notice {
        Notice::State(state) => {
            let state = ConnectionState::new(state, started.unwrap_or_else(Instant::now));
            set_state(delivery, state);
        }
        Notice::Error { error, attempt } => {
            if let Some(mut connection) = delivery.world.get_resource_mut::<PusherConnection>() {
                connection
                    .bypass_change_detection()
                    .set_last_error(error.clone());
            }
            delivery.tell(PusherErrorReported { error, attempt });
        }
        Notice::Subscription {
            channel,
            status,
            gap,
        } => set_status(delivery, &channel, status, gap),
        Notice::Members { channel, roster } => set_roster(delivery, &channel, roster),
        Notice::MemberJoined(membership) => {
            let Membership {
                channel,
                member,
                roster,
                while_away,
            } = membership;
            set_roster(delivery, &channel, roster);
            tell_joined(delivery, channel, member, while_away);
        }
        Notice::MemberLeft(membership) => {
            let Membership {
                channel,
                member,
                roster,
                while_away,
            } = membership;
            set_roster(delivery, &channel, roster);
            tell_left(delivery, channel, member, while_away);
        }
        Notice::SubscriptionCount { channel, count } => {
            let name = channel.clone();
            delivery.tell_channel(
                &name,
                PusherSubscriptionCountChanged {
                    entity: Entity::PLACEHOLDER,
                    channel,
                    count,
                },
            );
        }
        Notice::CacheMissed(channel) => {
            let name = channel.clone();
            delivery.tell_channel(
                &name,
                PusherCacheMissed {
                    entity: Entity::PLACEHOLDER,
                    channel,
                },
            );
        }
        Notice::SendAnswered { id, outcome } => {
            delivery.tell_send_answered(PusherSendAnswered { id, outcome });
        }
        Notice::SignIn(state) => {
            if let Some(mut user) = delivery.world.get_resource_mut::<PusherUser>() {
                if *user.state() == state {
                    return;
                }
                user.set_state(state.clone());
            }
            if let SignInState::Failed(error) = &state {
                log::warn!("the sign-in failed: {error}");
            }
            delivery.tell(PusherSignInChanged { state });
        }
        Notice::Watchlist { event, user_ids } => {
            if let Some(mut user) = delivery.world.get_resource_mut::<PusherUser>() {
                user.watch(&event, &user_ids);
            }
            delivery.tell(PusherWatchlistChanged { event, user_ids });
        }
        // Both are taken out on the way here.
        Notice::RoundTrip(_) | Notice::Event(_) => {}
    }
}

fn set_state(delivery: &mut Delivery<'_>, current: ConnectionState) {
    let Some(mut connection) = delivery.world.get_resource_mut::<PusherConnection>() else {
        return;
    };
    if *connection.state() == current {
        return;
    }
    let previous = connection.set_state(current.clone());
    match &current {
        ConnectionState::Failed { .. } => log::warn!("{current}"),
        // Not each attempt of a long outage.
        ConnectionState::Waiting { attempt: 1, .. } => log::warn!("{current}"),
        // Who read that it was lost reads that it is back.
        ConnectionState::Connected { .. } => log::info!("{current}"),
        _ => log::debug!("{current}"),
    }
    delivery.tell(PusherConnectionChanged { previous, current });
}

fn set_status(
    delivery: &mut Delivery<'_>,
    channel: &ChannelName,
    status: SubscriptionStatus,
    gap: Option<Duration>,
) {
    let status = PusherSubscription::from(status);
    let Some(mut subscribers) = delivery.world.get_resource_mut::<Subscribers>() else {
        return;
    };
    let Some(standing) = subscribers.bypass_change_detection().standing_mut(channel) else {
        return;
    };
    standing.status = status.clone();
    if !status.is_subscribed() {
        standing.members = standing.members.take().map(PusherMembers::into_stale);
    }
    write_standing(delivery, channel);
    match status.error() {
        Some(error) => log::warn!("the channel {} failed: {error}", channel.as_str()),
        None => log::debug!("the channel {} is {status:?}", channel.as_str()),
    }
    let changed = PusherSubscriptionChanged {
        entity: Entity::PLACEHOLDER,
        channel: channel.as_str().into(),
        status,
        gap,
    };
    delivery.tell_channel(channel, changed);
}

fn set_roster(delivery: &mut Delivery<'_>, channel: &ChannelName, roster: Arc<Roster>) {
    let Some(mut subscribers) = delivery.world.get_resource_mut::<Subscribers>() else {
        return;
    };
    if let Some(standing) = subscribers.bypass_change_detection().standing_mut(channel) {
        standing.members = Some(PusherMembers::new(roster));
        write_standing(delivery, channel);
    }
}

/// A roster after comings and goings that were not kept one by one: their difference is told.
fn replace_roster(delivery: &mut Delivery<'_>, channel: &ChannelName, roster: Arc<Roster>) {
    let before = delivery
        .world
        .get_resource_mut::<Subscribers>()
        .and_then(|mut subscribers| {
            let standing = subscribers.bypass_change_detection().standing_mut(channel);
            standing?.members.clone()
        });
    set_roster(delivery, channel, roster.clone());
    // Who is on a channel from the start did not join it.
    let Some(before) = before else { return };
    for member in before.iter() {
        if roster.get(member.id()).is_none() {
            tell_left(delivery, channel.clone(), member.clone(), true);
        }
    }
    for member in roster.iter() {
        if before.get(member.id()).is_none() {
            tell_joined(delivery, channel.clone(), member.clone(), true);
        }
    }
}

fn tell_joined(
    delivery: &mut Delivery<'_>,
    channel: ChannelName,
    member: Member,
    while_away: bool,
) {
    let name = channel.clone();
    delivery.tell_channel(
        &name,
        PusherMemberJoined {
            entity: Entity::PLACEHOLDER,
            channel,
            member,
            while_away,
        },
    );
}

fn tell_left(delivery: &mut Delivery<'_>, channel: ChannelName, member: Member, while_away: bool) {
    let name = channel.clone();
    delivery.tell_channel(
        &name,
        PusherMemberLeft {
            entity: Entity::PLACEHOLDER,
            channel,
            member,
            while_away,
        },
    );
}

/// Writes what is known of a channel on every entity that wants it.
fn write_standing(delivery: &mut Delivery<'_>, channel: &str) {
    let Some(subscribers) = delivery.world.get_resource::<Subscribers>() else {
        return;
    };
    for entity in subscribers.entities(channel).to_vec() {
        let standing = delivery
            .world
            .get_resource::<Subscribers>()
            .filter(|subscribers| subscribers.entities(channel).contains(&entity))
            .and_then(|subscribers| subscribers.standing_of(entity));
        if let Some((_, standing)) = standing {
            delivery.run_user_code(|world| write(world, entity, standing));
        }
    }
}

/// Ages messages that Bevy does not age while virtual time stands still.
fn age(batch: &mut Batch, delivery: &mut Delivery<'_>, limit: usize) {
    let mut losses = Losses::default();
    let world = &mut *delivery.world;
    age_messages::<PusherEvent>(world, limit, &mut losses);
    age_messages::<PusherUserEvent>(world, limit, &mut losses);
    age_messages::<PusherGlobalEvent>(world, limit, &mut losses);
    for column in batch.columns() {
        column.age_messages(world, limit, &mut losses);
    }
    if !losses.is_empty() {
        delivery.tell(PusherLagged::new(losses, LagCause::Unread));
    }
    Reports::age(delivery.world, limit);
}
