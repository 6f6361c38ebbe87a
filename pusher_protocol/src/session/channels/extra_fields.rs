//! Fields beside the protocol's own in the subscribe request: a change of them takes a new subscription.

use serde_json::{Map, Value};

use crate::{
    protocol::{ChannelName, ClientFrame},
    session::{
        channels::{Channel, ChannelPhase, Channels},
        context::Context,
    },
};

/// The fields of the request that are the protocol's own.
const PROTOCOL_FIELDS: [&str; 3] = ["channel", "auth", "channel_data"];

/// What of the game's fields may be sent.
pub(super) fn without_protocol_fields(
    extra: Option<Map<String, Value>>,
) -> Option<Map<String, Value>> {
    let mut extra = extra?;
    for field in PROTOCOL_FIELDS {
        extra.remove(field);
    }
    (!extra.is_empty()).then_some(extra)
}

impl Channel {
    /// Whether the server was asked with other fields than are wanted now.
    pub(super) fn has_stale_extra(&self) -> bool {
        self.sent_extra != self.extra
    }
}

impl Channels {
    /// Asks anew for a channel of which the server was asked with other fields.
    pub(super) fn resubscribe(&mut self, context: &mut Context, name: ChannelName) {
        // What still comes of the former subscription must not ask the backend for its key beside the new question.
        if let Some(channel) = self.table.get_mut(&name) {
            channel.drop_key(context, &name);
        }
        self.cancel_requests(context, &name);
        self.request_throttled(context, name);
    }

    /// Makes a subscription that stands anew with other fields, or if that is done all the time, a little later: until then
    /// it stands as it is.
    pub(super) fn resubscribe_throttled(&mut self, context: &mut Context, name: &ChannelName) {
        let Some(channel) = self.table.get_mut(name) else {
            return;
        };
        if let Some(due) = channel.throttle.ready_at(context.now) {
            if channel.resubscribe_timer.is_none() {
                let timer = context.next_id();
                channel.resubscribe_timer = Some(timer);
                self.timers.set(due, timer, name.clone());
            }
            return;
        }
        channel.lost_at = Some(context.now);
        channel.drop_key(context, name);
        context.send(ClientFrame::Unsubscribe { channel: name });
        self.cancel_requests(context, name);
        self.start(context, name.clone());
    }

    pub(super) fn on_resubscribe_due(&mut self, context: &mut Context, name: &ChannelName) {
        let Some(channel) = self.table.get_mut(name) else {
            return;
        };
        channel.resubscribe_timer = None;
        if channel.wanted
            && matches!(channel.phase, ChannelPhase::Subscribed)
            && channel.has_stale_extra()
        {
            self.resubscribe_throttled(context, name);
        }
    }

    /// A wanted channel is wanted with these fields from now on.
    pub(super) fn set_extra(
        &mut self,
        context: &mut Context,
        name: &ChannelName,
        extra: Option<Map<String, Value>>,
    ) {
        let Some(channel) = self.table.get_mut(name) else {
            return;
        };
        if channel.extra == extra {
            return;
        }
        channel.extra = extra;
        match channel.phase {
            ChannelPhase::Subscribed => self.resubscribe_throttled(context, name),
            ChannelPhase::Failed { .. } if !channel.suspended => self.retry(context, name.clone()),
            // Those are sent with the request that is still to come; an answer that is awaited has to come first, as with
            // an unsubscription.
            _ => {}
        }
    }
}
