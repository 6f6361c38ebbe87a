//! Fields beside the protocol's own in the subscribe request: a change of them takes a new subscription.

use serde_json::{Map, Value};

use crate::{
    protocol::{ChannelName, ClientFrame},
    session::{
        channels::{Channel, Channels, Phase},
        context::Context,
    },
};

/// The fields of the request that are the protocol's own.
const OWN_FIELDS: [&str; 3] = ["channel", "auth", "channel_data"];

/// What of the game's fields may be sent.
pub(super) fn without_own_fields(extra: Option<Map<String, Value>>) -> Option<Map<String, Value>> {
    let mut extra = extra?;
    for field in OWN_FIELDS {
        extra.remove(field);
    }
    (!extra.is_empty()).then_some(extra)
}

impl Channel {
    /// Whether the server was asked with other fields than are wanted now.
    pub(super) fn is_outdated(&self) -> bool {
        self.asked_with != self.extra
    }
}

impl Channels {
    /// Asks anew for a channel of which the server was asked with other fields.
    pub(super) fn renew(&mut self, context: &mut Context, name: ChannelName) {
        // What still comes of the former subscription must not ask the backend for its key beside the new question.
        if let Some(channel) = self.table.get_mut(&name) {
            channel.forget_key(context, &name);
        }
        self.cancel_question(context, &name);
        self.proceed_in_turn(context, name);
    }

    /// Makes a subscription that stands anew with other fields, or if that is done all the time, a little later: until then
    /// it stands as it is.
    pub(super) fn renew_in_turn(&mut self, context: &mut Context, name: &ChannelName) {
        let Some(channel) = self.table.get_mut(name) else {
            return;
        };
        if let Some(due) = channel.throttle.ready_at(context.now) {
            if channel.renewal.is_none() {
                let timer = context.next_id();
                channel.renewal = Some(timer);
                self.timers.set(due, timer, name.clone());
            }
            return;
        }
        channel.lost_at = Some(context.now);
        channel.forget_key(context, name);
        context.send(ClientFrame::Unsubscribe { channel: name });
        self.cancel_question(context, name);
        self.start(context, name.clone());
    }

    pub(super) fn renewal_is_due(&mut self, context: &mut Context, name: &ChannelName) {
        let Some(channel) = self.table.get_mut(name) else {
            return;
        };
        channel.renewal = None;
        if channel.wanted && matches!(channel.phase, Phase::Subscribed) && channel.is_outdated() {
            self.renew_in_turn(context, name);
        }
    }

    /// A wanted channel is wanted with these fields from now on.
    pub(super) fn amend(
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
            Phase::Subscribed => self.renew_in_turn(context, name),
            Phase::Failed { .. } if !channel.barred => self.retry(context, name.clone()),
            // Those are sent with the request that is still to come; an answer that is awaited has to come first, as with
            // an unsubscription.
            _ => {}
        }
    }
}
