use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use pusher_protocol::{
    ChannelName,
    protocol::Roster,
    session::{ConnectionState, Notice, PusherError, SignInState, SubscriptionStatus},
};

use crate::{
    event::{Audience, Losses},
    handover::batch::Entry,
};

/// How many errors are kept of those that nobody saw in time.
const ERRORS: usize = 16;

/// What many entries come to: the newest of each, and how much was dropped. As large as there are channels, however long
/// the game looks away.
#[derive(Default)]
pub(crate) struct Digest {
    losses: Losses,
    state: Option<ConnectionState>,
    errors: VecDeque<(PusherError, u32)>,
    channels: BTreeMap<ChannelName, Channel>,
    sign_in: Option<SignInState>,
    /// The last thing said of each user on the watchlist.
    watched: BTreeMap<String, String>,
    /// Answers to what the game sent, of which there are no more than it sent.
    #[allow(clippy::vec_box, reason = "they come boxed, and go on boxed")]
    answers: Vec<Box<Notice>>,
}

#[derive(Default)]
struct Channel {
    status: Option<SubscriptionStatus>,
    /// For how long it heard nothing, if it was subscribed again since.
    gap: Option<Duration>,
    roster: Option<Arc<Roster>>,
    count: Option<u64>,
    cache_missed: bool,
}

impl Digest {
    /// Counts dropped events.
    pub(super) fn lose(&mut self, audience: &Audience, count: u64) {
        if count > 0 {
            self.losses.add(audience, count);
        }
    }

    /// Takes in an entry that came after all that are in it already. Events have to be counted by [`Self::lose`].
    pub(super) fn fold(&mut self, entry: Entry) {
        match entry {
            Entry::Events(stream, rows) => self.lose(&stream.audience, rows as u64),
            Entry::Lost(losses) => self.losses.merge(&losses),
            Entry::Roster(roster) => self.channel(roster.0).roster = Some(roster.1),
            Entry::Notice(notice) => self.fold_notice(notice),
            Entry::Digest(later) => {
                for entry in later.into_entries() {
                    self.fold(entry);
                }
            }
        }
    }

    fn fold_notice(&mut self, notice: Box<Notice>) {
        if matches!(*notice, Notice::SendAnswered { .. }) {
            self.answers.push(notice);
            return;
        }
        match *notice {
            Notice::State(state) => self.state = Some(state),
            Notice::Error { error, attempt } => {
                if self.errors.len() >= ERRORS {
                    self.errors.pop_front();
                }
                self.errors.push_back((error, attempt));
            }
            Notice::Subscription {
                channel,
                status,
                gap,
            } => {
                let channel = self.channel(channel);
                channel.status = Some(status);
                channel.gap = match (channel.gap, gap) {
                    (Some(earlier), Some(later)) => Some(earlier.saturating_add(later)),
                    (earlier, later) => earlier.or(later),
                };
            }
            Notice::Members { channel, roster } => self.channel(channel).roster = Some(roster),
            Notice::MemberJoined(membership) | Notice::MemberLeft(membership) => {
                self.channel(membership.channel).roster = Some(membership.roster);
            }
            Notice::SubscriptionCount { channel, count } => {
                self.channel(channel).count = Some(count);
            }
            Notice::CacheMissed(channel) => self.channel(channel).cache_missed = true,
            Notice::SignIn(state) => {
                if state == SignInState::SignedOut {
                    self.watched.clear();
                }
                self.sign_in = Some(state);
            }
            Notice::Watchlist { event, user_ids } => {
                self.watched
                    .extend(user_ids.into_iter().map(|id| (id, event.clone())));
            }
            Notice::Event(event) => self.lose(&Audience::from(&event.target), 1),
            Notice::SendAnswered { .. } | Notice::RoundTrip(_) => {}
        }
    }

    fn channel(&mut self, name: ChannelName) -> &mut Channel {
        self.channels.entry(name).or_default()
    }

    /// What the game is told instead.
    pub(super) fn into_entries(self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut notices = Vec::new();
        if !self.losses.is_empty() {
            entries.push(Entry::Lost(Box::new(self.losses)));
        }
        let errors = self.errors.into_iter();
        notices.extend(errors.map(|(error, attempt)| Notice::Error { error, attempt }));
        notices.extend(self.state.map(Notice::State));
        let mut rosters = Vec::new();
        for (name, channel) in self.channels {
            let subscription = |status, gap| Notice::Subscription {
                channel: name.clone(),
                status,
                gap,
            };
            // A game that refetches after a gap has to hear of it even if the channel was lost again since.
            let is_subscribed = channel.status == Some(SubscriptionStatus::Subscribed);
            if channel.gap.is_some() && !is_subscribed {
                notices.push(subscription(SubscriptionStatus::Subscribed, channel.gap));
            }
            let gap = channel.gap.filter(|_| is_subscribed);
            notices.extend(channel.status.map(|status| subscription(status, gap)));
            notices.extend(channel.count.map(|count| Notice::SubscriptionCount {
                channel: name.clone(),
                count,
            }));
            if channel.cache_missed {
                notices.push(Notice::CacheMissed(name.clone()));
            }
            rosters.extend(
                channel
                    .roster
                    .map(|roster| Entry::Roster(Box::new((name, roster)))),
            );
        }
        notices.extend(self.sign_in.map(Notice::SignIn));
        let mut watched = BTreeMap::<String, Vec<String>>::new();
        for (id, event) in self.watched {
            watched.entry(event).or_default().push(id);
        }
        notices.extend(
            watched
                .into_iter()
                .map(|(event, user_ids)| Notice::Watchlist { event, user_ids }),
        );
        entries.extend(
            notices
                .into_iter()
                .map(|notice| Entry::Notice(Box::new(notice))),
        );
        entries.extend(rosters);
        entries.extend(self.answers.into_iter().map(Entry::Notice));
        entries
    }
}
