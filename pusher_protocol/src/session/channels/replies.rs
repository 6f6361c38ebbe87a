//! The server's replies to subscribe requests, and failed subscriptions.

use crate::{
    protocol::{ChannelKind, ChannelName, ClientFrame, EventData},
    session::{
        Notice, SubscriptionError, SubscriptionStatus,
        channels::{ChannelPhase, Channels, notify},
        context::Context,
    },
};

/// Full throttles of removed channels are swept out at this number for the first time.
const SWEEP_AT: usize = 256;

impl Channels {
    /// Handles `pusher_internal:subscription_succeeded`. Ignored unless a reply is pending, because some servers relay
    /// messages that a client forged.
    pub(in crate::session) fn on_succeeded(
        &mut self,
        context: &mut Context,
        name: &str,
        data: &EventData<'_>,
    ) {
        if !self.pending_replies.take(name, context.now) {
            return;
        }
        // Replies come in order, so the timeout of the next one starts now.
        let deadline = context.now + context.config.timing.subscribe_timeout;
        self.pending_replies.granted(name, deadline);
        let Some((name, channel)) = self.entry(name) else {
            return;
        };
        match channel.phase {
            // Now the subscribe request cannot be overtaken any more.
            ChannelPhase::Subscribing { .. } if !channel.wanted => {
                context.send(ClientFrame::Unsubscribe { channel: &name });
                return self.remove(context, &name);
            }
            // The subscription never becomes visible to user code, so there is no gap to report.
            ChannelPhase::Subscribing { .. }
                if channel.has_stale_extra()
                    && channel.throttle.ready_at(context.now).is_none() =>
            {
                context.send(ClientFrame::Unsubscribe { channel: &name });
                return self.resubscribe(context, name);
            }
            ChannelPhase::Subscribing { .. } | ChannelPhase::Failed { reply_due: true } => {
                channel.phase = ChannelPhase::Subscribed;
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
            // The reply to the second of two requests, after the first reply was late: its member list is the current one.
            ChannelPhase::Subscribed => {}
            ChannelPhase::Pending
            | ChannelPhase::Queued
            | ChannelPhase::Authorizing { .. }
            | ChannelPhase::Backoff { .. }
            | ChannelPhase::AwaitingSignIn { .. }
            | ChannelPhase::Failed { reply_due: false }
            | ChannelPhase::Unidentified => return,
        }
        // After the status, so that user code sees the members of a channel that it knows to be subscribed.
        if name.kind() == ChannelKind::Presence {
            channel.replace_roster(context, &name, data);
        }
        if channel.has_stale_extra() {
            self.resubscribe_throttled(context, &name);
        }
    }

    /// Handles a refused subscription that names its channel.
    pub(in crate::session) fn on_refused(
        &mut self,
        context: &mut Context,
        name: &str,
        status: Option<u16>,
        message: &str,
    ) {
        let was_expected = self.pending_replies.take(name, context.now);
        // If two requests are pending, this may be the reply to the first.
        let reply_due = self.pending_replies.expects(name, context.now);
        let Some((name, channel)) = self.entry(name) else {
            return;
        };
        let decides = match channel.phase {
            ChannelPhase::Subscribing { .. } => true,
            // A subscribed channel can only be refused if the confirmation was the reply to an earlier request.
            ChannelPhase::Subscribed | ChannelPhase::Failed { reply_due: true } => was_expected,
            _ => false,
        };
        if decides {
            let error = SubscriptionError::Refused {
                status,
                message: message.into(),
            };
            self.fail(context, &name, error, reply_due);
        }
    }

    pub(super) fn fail(
        &mut self,
        context: &mut Context,
        name: &ChannelName,
        error: SubscriptionError,
        reply_due: bool,
    ) {
        let Some(channel) = self.table.get_mut(name) else {
            return;
        };
        // With other fields the request may succeed, and the reply to the former ones is not of interest.
        let is_moot = matches!(channel.phase, ChannelPhase::Subscribing { .. })
            && channel.has_stale_extra()
            && !channel.suspended;
        if channel.wanted && !is_moot {
            channel.phase = match error {
                // A retry helps only after a sign-in, which `on_identity` handles.
                SubscriptionError::NoIdentity => ChannelPhase::Unidentified,
                _ => ChannelPhase::Failed { reply_due },
            };
            notify(context, name, SubscriptionStatus::Failed(error));
            return;
        }
        if reply_due {
            // Otherwise a late confirmation would leave a subscription that nobody wants.
            context.send(ClientFrame::Unsubscribe { channel: name });
        }
        if channel.wanted {
            // The failed request had other fields than are wanted now.
            return self.resubscribe(context, name.clone());
        }
        self.remove(context, name);
    }

    pub(super) fn remove(&mut self, context: &mut Context, name: &ChannelName) {
        self.cancel_requests(context, name);
        let now = context.now;
        if let Some(channel) = self.table.remove(name)
            && !channel.throttle.is_full(now)
        {
            if self.removed.len() >= self.sweep_at {
                self.removed.retain(|_, throttle| !throttle.is_full(now));
                // Doubling keeps the cost of the sweeps amortized constant per removed channel.
                self.sweep_at = SWEEP_AT.max(2 * self.removed.len());
            }
            self.removed.insert(name.clone(), channel.throttle);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{protocol::NameRules, session::SessionConfig};

    #[test]
    fn throttles_of_removed_channels_are_swept_out() {
        let mut context = Context::new(SessionConfig::default());
        let mut channels = Channels::default();
        channels.on_connected(&mut context, "1.1".into());
        for number in 0..20_000 {
            context.now += Duration::from_millis(10);
            let name = format!("room-{number}");
            if let Ok(channel) = ChannelName::new(&name, NameRules::Strict) {
                channels.subscribe(&mut context, channel.clone(), None);
                channels.unsubscribe(&mut context, &channel);
                channels.on_succeeded(&mut context, &name, &EventData::Json("{}".into()));
            }
        }
        assert!(channels.table.is_empty());
        // Each is kept for about three seconds.
        let remembered = channels.removed.len();
        assert!((200..=1000).contains(&remembered), "{remembered}");
    }
}
