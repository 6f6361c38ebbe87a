//! Additional fields of the subscribe request. A change of them needs a new subscription.

use serde_json::{Map, Value};

use crate::{
    protocol::{ChannelName, ClientFrame},
    session::{
        channels::{Channel, ChannelPhase, Channels},
        context::Context,
    },
};

/// The fields that the protocol defines.
const PROTOCOL_FIELDS: [&str; 3] = ["channel", "auth", "channel_data"];

/// Removes the protocol's fields from those of user code.
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
    /// Whether the last subscribe request had other fields than user code wants now.
    pub(super) fn has_stale_extra(&self) -> bool {
        self.sent_extra != self.extra
    }
}

impl Channels {
    /// Subscribes again, because the last subscribe request had other fields.
    pub(super) fn resubscribe(&mut self, context: &mut Context, name: ChannelName) {
        // Events that still arrive of the former subscription must not request a key beside the new authorization.
        if let Some(channel) = self.table.get_mut(&name) {
            channel.drop_key(context, &name);
        }
        self.cancel_requests(context, &name);
        self.request_throttled(context, name);
    }

    /// Replaces a subscription by one with other fields, now or when the throttle allows it. Until then the subscription stays
    /// active.
    pub(super) fn resubscribe_throttled(&mut self, context: &mut Context, name: &ChannelName) {
        let Some(channel) = self.table.get_mut(name) else {
            return;
        };
        if let Some(due) = channel.throttle.ready_at(context.now) {
            // One timer is enough: it sends the fields that are wanted when it is due.
            if channel.resubscribe_timer.is_none() {
                let timer = context.next_id();
                channel.resubscribe_timer = Some(timer);
                self.timers.set(due, timer, name.clone());
            }
            return;
        }
        // Between the two subscriptions events are missed, as with a lost connection.
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
        if channel.is_subscribed() && channel.has_stale_extra() {
            self.resubscribe_throttled(context, name);
        }
    }

    /// Sets the fields of a wanted channel.
    pub(super) fn set_extra(
        &mut self,
        context: &mut Context,
        name: &ChannelName,
        extra: Option<Map<String, Value>>,
    ) {
        let Some(channel) = self.table.get_mut(name) else {
            return;
        };
        // Repeated commands, possibly in every frame, have no effect.
        if channel.extra == extra {
            return;
        }
        channel.extra = extra;
        match channel.phase {
            ChannelPhase::Subscribed => self.resubscribe_throttled(context, name),
            // Other fields may be what the server refused.
            ChannelPhase::Failed { .. } if !channel.suspended => self.retry(context, name.clone()),
            // In the other phases the fields go into the request that is still to come. After a subscribe request, the
            // server's reply comes first, as for an unsubscribe.
            _ => {}
        }
    }
}
