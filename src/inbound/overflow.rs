//! [`OverflowSummary`]: what is kept of entries that exceeded the limits.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use pusher_protocol::{
    ChannelName,
    protocol::Roster,
    session::{ConnectionState, EventTarget, Notice, PusherError, SignInState, SubscriptionStatus},
};

use crate::{event::Losses, inbound::batch::Entry};

/// How many errors a summary keeps.
const MOST_ERRORS: usize = 16;

/// The latest state of everything, and the number of dropped events. Its size depends on the number of channels, not on how long the game
/// does not take anything.
#[derive(Default)]
pub(crate) struct OverflowSummary {
    losses: Losses,
    state: Option<ConnectionState>,
    errors: VecDeque<(PusherError, u32)>,
    channels: BTreeMap<ChannelName, Channel>,
    sign_in: Option<SignInState>,
    /// The latest watchlist event of each user.
    watched: BTreeMap<String, String>,
    /// Answers to client events. There are no more than the game has sent.
    #[allow(clippy::vec_box, reason = "moved from and into boxed entries")]
    answers: Vec<Box<Notice>>,
}

#[derive(Default)]
struct Channel {
    status: Option<SubscriptionStatus>,
    /// How long it was not subscribed, if it was resubscribed since.
    gap: Option<Duration>,
    roster: Option<Arc<Roster>>,
    count: Option<u64>,
    cache_missed: bool,
}

impl OverflowSummary {
    /// Counts dropped events.
    pub(super) fn lose(&mut self, target: &EventTarget, count: u64) {
        if count > 0 {
            self.losses.add(target, count);
        }
    }

    /// Adds an entry that came after all others. The caller drops the rows of an [`Entry::Events`].
    pub(super) fn add(&mut self, entry: Entry) {
        match entry {
            Entry::Events(kind, rows) => self.lose(&kind.target, rows as u64),
            Entry::Lost(losses) => self.losses.merge(&losses),
            Entry::Roster(roster) => self.channel(roster.0).roster = Some(roster.1),
            Entry::Notice(notice) => self.add_notice(notice),
            Entry::Overflow(later) => {
                for entry in later.into_entries() {
                    self.add(entry);
                }
            }
        }
    }

    fn add_notice(&mut self, notice: Box<Notice>) {
        match *notice {
            Notice::SendAnswered { .. } => self.answers.push(notice),
            Notice::State(state) => self.state = Some(state),
            Notice::Error { error, attempt } => {
                if self.errors.len() >= MOST_ERRORS {
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
            Notice::Event(event) => self.lose(&event.target, 1),
            Notice::RoundTrip(_) => {}
        }
    }

    fn channel(&mut self, name: ChannelName) -> &mut Channel {
        self.channels.entry(name).or_default()
    }

    /// Returns the entries that replace what was summarized.
    pub(super) fn into_entries(self) -> Vec<Entry> {
        let mut entries = Vec::new();
        if !self.losses.is_empty() {
            entries.push(Entry::Lost(Box::new(self.losses)));
        }
        let mut notices = Vec::new();
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
            // A game that refetches after a gap needs to know of it even if the subscription was lost again since.
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
            let roster = channel.roster.map(|roster| Box::new((name, roster)));
            rosters.extend(roster.map(Entry::Roster));
        }
        notices.extend(self.sign_in.map(Notice::SignIn));
        let mut watched = BTreeMap::<String, Vec<String>>::new();
        for (id, event) in self.watched {
            watched.entry(event).or_default().push(id);
        }
        let watched = watched.into_iter();
        notices.extend(watched.map(|(event, user_ids)| Notice::Watchlist { event, user_ids }));
        let notices = notices.into_iter().map(Box::new);
        entries.extend(notices.map(Entry::Notice));
        entries.extend(rosters);
        entries.extend(self.answers.into_iter().map(Entry::Notice));
        entries
    }
}
