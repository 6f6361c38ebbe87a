//! Applies the session's notices: updates resources and components, and emits the events that report it.

use std::{
    collections::HashSet,
    mem::{Discriminant, discriminant},
    sync::Arc,
    time::Duration,
};

use bevy_ecs::{change_detection::DetectChangesMut, prelude::*};
use bevy_platform::time::Instant;
use pusher_protocol::{
    ChannelName,
    protocol::{Member, Roster},
    session::{Membership, Notice, SendError, SendOutcome, SignInState, SubscriptionStatus},
};

use crate::{
    channel::{
        ChannelSnapshot, PusherCacheMissed, PusherSubscription, PusherSubscriptionChanged,
        PusherSubscriptionCountChanged, Subscribers, write,
    },
    connection::{ConnectionState, PusherConnection, PusherConnectionChanged, PusherErrorReported},
    event::{ForEntity, PusherDecodeFailed},
    inbound::receive::Dispatcher,
    presence::{PusherMemberJoined, PusherMemberLeft, PusherMembers},
    sending::PusherSendAnswered,
    user::{PusherSignInChanged, PusherUser, PusherWatchlistChanged},
};

/// How much of a decoder's error is logged.
const LOGGED_CHARACTERS: usize = 200;

/// What was logged once and is not logged again.
#[derive(Resource, Default)]
struct LoggedFailures {
    /// The names and types of events that could not be decoded. Bounded: one entry per registered name and type.
    decoding: HashSet<(Box<str>, &'static str)>,
    /// The reasons why client events were not sent.
    sending: HashSet<Discriminant<SendError>>,
}

pub(super) fn set_round_trip(world: &mut World, round_trip: Duration) {
    if let Some(mut connection) = world.get_resource_mut::<PusherConnection>() {
        connection
            .bypass_change_detection()
            .set_round_trip(round_trip);
    }
}

/// Applies one notice. `started` is the moment from which the session counts its time.
pub(super) fn apply(dispatcher: &mut Dispatcher<'_>, notice: Notice, started: Option<Instant>) {
    match notice {
        Notice::State(state) => {
            let state = ConnectionState::new(state, started.unwrap_or_else(Instant::now));
            set_state(dispatcher, state);
        }
        Notice::Error { error, attempt } => {
            if let Some(mut connection) = dispatcher.world.get_resource_mut::<PusherConnection>() {
                connection
                    .bypass_change_detection()
                    .set_last_error(error.clone());
            }
            dispatcher.emit(PusherErrorReported { error, attempt });
        }
        Notice::Subscription {
            channel,
            status,
            gap,
        } => set_status(dispatcher, channel, status, gap),
        Notice::Members { channel, roster } => set_roster(dispatcher, &channel, roster),
        Notice::MemberJoined(membership) => {
            change_members(dispatcher, membership, PusherMemberJoined::new);
        }
        Notice::MemberLeft(membership) => {
            change_members(dispatcher, membership, PusherMemberLeft::new);
        }
        Notice::SubscriptionCount { channel, count } => dispatcher.emit_for(
            &channel.clone(),
            PusherSubscriptionCountChanged {
                entity: Entity::PLACEHOLDER,
                channel,
                count,
            },
        ),
        Notice::CacheMissed(channel) => dispatcher.emit_for(
            &channel.clone(),
            PusherCacheMissed {
                entity: Entity::PLACEHOLDER,
                channel,
            },
        ),
        Notice::SendAnswered { id, outcome } => {
            dispatcher.emit_send_answered(PusherSendAnswered { id, outcome });
        }
        Notice::SignIn(state) => set_sign_in(dispatcher, state),
        Notice::Watchlist { event, user_ids } => {
            if let Some(mut user) = dispatcher.world.get_resource_mut::<PusherUser>() {
                user.update_online(&event, &user_ids);
            }
            dispatcher.emit(PusherWatchlistChanged { event, user_ids });
        }
        // `Batch::push_notice` keeps round trips apart, and the sink turns events into rows.
        Notice::RoundTrip(_) | Notice::Event(_) => {}
    }
}

fn set_state(dispatcher: &mut Dispatcher<'_>, current: ConnectionState) {
    let Some(mut connection) = dispatcher.world.get_resource_mut::<PusherConnection>() else {
        return;
    };
    if *connection.state() == current {
        return;
    }
    let previous = connection.set_state(current.clone());
    match &current {
        // Further waits of the same outage are not worth a warning.
        ConnectionState::Failed { .. } | ConnectionState::Waiting { attempt: 1, .. } => {
            log::warn!("{current}");
        }
        ConnectionState::Connected { .. } => log::info!("{current}"),
        _ => log::debug!("{current}"),
    }
    dispatcher.emit(PusherConnectionChanged { previous, current });
}

fn set_sign_in(dispatcher: &mut Dispatcher<'_>, state: SignInState) {
    if let Some(mut user) = dispatcher.world.get_resource_mut::<PusherUser>() {
        if *user.state() == state {
            return;
        }
        user.set_state(state.clone());
    }
    if let SignInState::Failed(error) = &state {
        log::warn!("the sign-in failed: {error}");
    }
    dispatcher.emit(PusherSignInChanged { state });
}

fn set_status(
    dispatcher: &mut Dispatcher<'_>,
    channel: ChannelName,
    status: SubscriptionStatus,
    gap: Option<Duration>,
) {
    let status = PusherSubscription::from(status);
    let is_wanted = update_snapshot(dispatcher, &channel, |snapshot| {
        snapshot.status = status.clone();
        if !status.is_subscribed() {
            snapshot.members = snapshot.members.take().map(PusherMembers::into_stale);
        }
    });
    if !is_wanted {
        return;
    }
    let name = channel.as_str();
    match status.error() {
        Some(error) => log::warn!("subscribing to the channel {name} failed: {error}"),
        None => log::debug!("the channel {name} is {status:?}"),
    }
    let changed = PusherSubscriptionChanged {
        entity: Entity::PLACEHOLDER,
        channel: name.into(),
        status,
        gap,
    };
    dispatcher.emit_for(&channel, changed);
}

fn set_roster(dispatcher: &mut Dispatcher<'_>, channel: &ChannelName, roster: Arc<Roster>) {
    update_snapshot(dispatcher, channel, |snapshot| {
        snapshot.members = Some(PusherMembers::new(roster));
    });
}

/// Sets the roster after a member joined or left, and emits the event that `new` creates.
fn change_members<'a, E>(
    dispatcher: &mut Dispatcher<'_>,
    membership: Membership,
    new: fn(ChannelName, Member, bool) -> E,
) where
    E: ForEntity + Event<Trigger<'a>: Default>,
{
    let Membership {
        channel,
        member,
        roster,
        while_away,
    } = membership;
    set_roster(dispatcher, &channel, roster);
    dispatcher.emit_for(&channel.clone(), new(channel, member, while_away));
}

/// Replaces a roster after notices about single members were dropped, and emits the differences.
pub(super) fn replace_roster(
    dispatcher: &mut Dispatcher<'_>,
    channel: &ChannelName,
    roster: Arc<Roster>,
) {
    let mut before = None;
    update_snapshot(dispatcher, channel, |snapshot| {
        before = snapshot.members.replace(PusherMembers::new(roster.clone()));
    });
    // The members of the first roster did not join; they were already there.
    let Some(before) = before else { return };
    for member in before.iter() {
        if roster.get(member.id()).is_none() {
            let left = PusherMemberLeft::new(channel.clone(), member.clone(), true);
            dispatcher.emit_for(channel, left);
        }
    }
    for member in roster.iter() {
        if before.get(member.id()).is_none() {
            let joined = PusherMemberJoined::new(channel.clone(), member.clone(), true);
            dispatcher.emit_for(channel, joined);
        }
    }
}

/// Updates what is known of a channel, and writes it on each of its entities. Returns whether the channel is known.
fn update_snapshot(
    dispatcher: &mut Dispatcher<'_>,
    channel: &ChannelName,
    update: impl FnOnce(&mut ChannelSnapshot),
) -> bool {
    let Some(mut subscribers) = dispatcher.world.get_resource_mut::<Subscribers>() else {
        return false;
    };
    let subscribers = subscribers.bypass_change_detection();
    let Some(snapshot) = subscribers.snapshot_mut(channel) else {
        return false;
    };
    update(snapshot);
    for entity in subscribers.entities(channel).to_vec() {
        // An observer of an earlier entity may have changed the channel of this one.
        let snapshot = dispatcher
            .world
            .get_resource::<Subscribers>()
            .filter(|subscribers| subscribers.entities(channel).contains(&entity))
            .and_then(|subscribers| subscribers.snapshot_of(entity));
        if let Some((_, snapshot)) = snapshot {
            dispatcher.run_user_code(|world| write(world, entity, snapshot));
        }
    }
    true
}

impl Dispatcher<'_> {
    /// Emits that an event could not be decoded, and logs the first failure of each name and type. Otherwise a misspelled field would
    /// stay unnoticed.
    pub(super) fn emit_decode_failed(&mut self, failed: PusherDecodeFailed) {
        let mut logged = self.world.get_resource_or_init::<LoggedFailures>();
        let (name, type_name) = (failed.name(), failed.type_name());
        if logged.decoding.insert((name.into(), type_name)) {
            // The decoder's error may quote the payload, which must not be logged if it was encrypted.
            let reason: String = if failed.kind.is_encrypted() {
                "see PusherDecodeFailed for the reason".into()
            } else {
                failed.reason().chars().take(LOGGED_CHARACTERS).collect()
            };
            let place = match failed.path() {
                "" | "." => String::new(),
                path => format!(" at {path}"),
            };
            log::warn!("the event {name} could not be decoded as {type_name}{place}: {reason}");
        }
        self.emit(failed);
    }

    /// Emits the outcome of a client event, and logs the first rejection for each reason, since a game need not read the outcomes.
    fn emit_send_answered(&mut self, answered: PusherSendAnswered) {
        if let SendOutcome::Rejected(error) = answered.outcome() {
            let mut logged = self.world.get_resource_or_init::<LoggedFailures>();
            if logged.sending.insert(discriminant(error)) {
                log::warn!(
                    "a client event was not sent: {error} (further events with this reason are not logged)"
                );
            }
        }
        self.emit(answered);
    }
}
