//! What the server answers to a subscription, and what becomes of one that failed.

use crate::{
    protocol::{ChannelKind, ChannelName, ClientFrame, EventData},
    session::{
        Notice, SubscriptionError, SubscriptionStatus,
        channels::{Channels, Phase, tell},
        context::Context,
    },
};

/// From so many on, channels that were given up long enough ago are swept out.
const SWEEP_AT: usize = 256;

impl Channels {
    /// `pusher_internal:subscription_succeeded`. Ignored unless one is awaited: a server that relays forged ones must not
    /// move anything.
    pub(in crate::session) fn succeeded(
        &mut self,
        context: &mut Context,
        name: &str,
        data: &EventData<'_>,
    ) {
        if !self.unanswered.take(name, context.now) {
            return;
        }
        let deadline = context.now + context.config.timing.subscribe_timeout;
        self.unanswered.granted(name, deadline);
        let Some(name) = self.table.get_key_value(name).map(|(name, _)| name.clone()) else {
            return;
        };
        let Some(channel) = self.table.get_mut(&name) else {
            return;
        };
        match channel.phase {
            Phase::Subscribing { .. } if !channel.wanted => {
                context.send(ClientFrame::Unsubscribe { channel: &name });
                return self.remove(context, &name);
            }
            Phase::Subscribing { .. }
                if channel.is_outdated() && channel.throttle.ready_at(context.now).is_none() =>
            {
                context.send(ClientFrame::Unsubscribe { channel: &name });
                return self.renew(context, name);
            }
            Phase::Subscribing { .. } | Phase::Failed { unanswered: true } => {
                channel.phase = Phase::Subscribed;
                let gap = channel
                    .lost_at
                    .take()
                    .map(|lost_at| context.now.saturating_sub(lost_at));
                let status = SubscriptionStatus::Subscribed;
                context.notice(Notice::Subscription {
                    channel: name.clone(),
                    status,
                    gap,
                });
            }
            // The answer to the second of two subscriptions, after the first came too late: its members are the ones.
            Phase::Subscribed => {}
            Phase::Pending
            | Phase::Queued
            | Phase::Authorizing { .. }
            | Phase::Backoff { .. }
            | Phase::AwaitingSignIn { .. }
            | Phase::Failed { unanswered: false }
            | Phase::Unidentified => return,
        }
        if name.kind() == ChannelKind::Presence {
            channel.replace_roster(context, &name, data);
        }
        if channel.is_outdated() {
            self.renew_in_turn(context, &name);
        }
    }

    /// The server refuses a subscription, and names the channel.
    pub(in crate::session) fn refused(
        &mut self,
        context: &mut Context,
        name: &str,
        status: Option<u16>,
        message: &str,
    ) {
        let awaited = self.unanswered.take(name, context.now);
        // Of two subscriptions that were sent, this may be the answer to the first.
        let unanswered = self.unanswered.awaits(name, context.now);
        let Some((name, channel)) = self.table.get_key_value(name) else {
            return;
        };
        let decides = match channel.phase {
            Phase::Subscribing { .. } => true,
            // A subscription that stands is only refused if what was granted was an earlier one.
            Phase::Subscribed | Phase::Failed { unanswered: true } => awaited,
            _ => false,
        };
        if decides {
            let error = SubscriptionError::Refused {
                status,
                message: message.into(),
            };
            self.fail(context, &name.clone(), error, unanswered);
        }
    }

    pub(super) fn fail(
        &mut self,
        context: &mut Context,
        name: &ChannelName,
        error: SubscriptionError,
        unanswered: bool,
    ) {
        let Some(channel) = self.table.get_mut(name) else {
            return;
        };
        let is_moot = matches!(channel.phase, Phase::Subscribing { .. })
            && channel.is_outdated()
            && !channel.barred;
        if channel.wanted && !is_moot {
            channel.phase = match error {
                SubscriptionError::NoIdentity => Phase::Unidentified,
                _ => Phase::Failed { unanswered },
            };
            tell(context, name, SubscriptionStatus::Failed(error));
            return;
        }
        if unanswered {
            // A late success must not leave a subscription behind that nobody wants.
            context.send(ClientFrame::Unsubscribe { channel: name });
        }
        if channel.wanted {
            // What failed is not what is wanted any more.
            return self.renew(context, name.clone());
        }
        self.remove(context, name);
    }

    pub(super) fn remove(&mut self, context: &mut Context, name: &ChannelName) {
        self.cancel_question(context, name);
        let now = context.now;
        if let Some(channel) = self.table.remove(name)
            && !channel.throttle.is_full(now)
        {
            if self.given_up.len() >= self.sweep_at {
                self.given_up.retain(|_, throttle| !throttle.is_full(now));
                self.sweep_at = SWEEP_AT.max(2 * self.given_up.len());
            }
            self.given_up.insert(name.clone(), channel.throttle);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{protocol::NameRules, session::SessionConfig};

    #[test]
    fn channels_that_were_given_up_long_ago_are_forgotten() {
        let mut context = Context::new(SessionConfig::default());
        let mut channels = Channels::default();
        channels.connected(&mut context, "1.1".into());
        for number in 0..20_000 {
            context.now += Duration::from_millis(10);
            let name = format!("room-{number}");
            if let Ok(channel) = ChannelName::new(&name, NameRules::Strict) {
                channels.want(&mut context, channel.clone(), None);
                channels.unwant(&mut context, &channel);
                channels.succeeded(&mut context, &name, &EventData::Json("{}".into()));
            }
        }
        assert!(channels.table.is_empty());
        // One is worth remembering for some three seconds.
        let remembered = channels.given_up.len();
        assert!((200..=1000).contains(&remembered), "{remembered}");
    }
}
