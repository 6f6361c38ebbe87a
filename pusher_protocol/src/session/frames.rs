//! Routes frames on an established connection to channels, the user or user code.

use serde_json::{Map, Value};

use crate::{
    protocol::{ChannelKind, ClientFrame, EventData, ServerFrame, redacted_excerpt},
    session::{EventTarget, Notice, PusherError, ReceivedEvent, Session, user::User},
};

impl Session {
    /// Handles a frame on an established connection. Returns an event for user code.
    pub(super) fn handle_live_frame<'a>(
        &mut self,
        frame: ServerFrame<'a>,
    ) -> Option<ReceivedEvent<'a>> {
        // Some servers relay any event name that a client sends. They add the sender's `user_id`, which messages of the
        // protocol never have, so a message with one is forged.
        let is_protocol_event =
            frame.event.starts_with("pusher:") || frame.event.starts_with("pusher_internal:");
        if is_protocol_event && frame.user_id.is_some() {
            return None;
        }
        if is_protocol_event && self.handle_protocol_event(&frame) {
            return None;
        }
        self.user_event(frame)
    }

    /// Handles a message of the protocol. Returns `false` if its event is unknown.
    fn handle_protocol_event(&mut self, frame: &ServerFrame<'_>) -> bool {
        let channel = frame.channel.as_deref().unwrap_or_default();
        let data = &frame.data;
        let context = &mut self.context;
        match &*frame.event {
            "pusher:ping" => context.send(ClientFrame::Pong),
            // Any frame counts as a pong. A repeated handshake changes nothing.
            "pusher:pong" | "pusher:connection_established" => {}
            "pusher:error" => self.handle_server_error(frame),
            "pusher_internal:subscription_succeeded" if self.user.owns_channel(channel) => {
                // The confirmation of the user's own channel is not reported; it completes the sign-in.
                self.user.announce(context);
            }
            "pusher_internal:subscription_succeeded" => {
                // This channel was subscribed after the user's own channel, whose reply has therefore arrived or never will.
                if self.channels.uses_signed_in_user(channel) {
                    self.user.announce(context);
                }
                self.channels.on_succeeded(context, channel, data);
            }
            "pusher:subscription_error" | "pusher_internal:subscription_error" => {
                let fields = data.fields();
                let status = number(&fields, "status").or_else(|| error_code(&fields));
                let message = error_message(&fields, data);
                if self.user.owns_channel(channel) {
                    self.user.announce(context);
                    context.report(PusherError::Server {
                        code: status,
                        message,
                        channel: None,
                    });
                } else {
                    self.channels.on_refused(context, channel, status, &message);
                }
            }
            "pusher_internal:member_added" => self.channels.on_member_added(context, channel, data),
            "pusher_internal:member_removed" => {
                self.channels.on_member_removed(context, channel, data)
            }
            "pusher_internal:subscription_count" => {
                let count = data
                    .fields()
                    .get("subscription_count")
                    .and_then(Value::as_u64);
                if let (Some(channel), Some(count)) = (self.channels.receiving(channel), count) {
                    context.notice(Notice::SubscriptionCount {
                        channel: channel.clone(),
                        count,
                    });
                }
            }
            "pusher:cache_miss" => {
                if let Some(channel) = self.channels.receiving(channel) {
                    context.notice(Notice::CacheMissed(channel.clone()));
                }
            }
            "pusher:signin_success" => {
                if self.user.on_succeeded(context, data) {
                    self.on_identity_changed();
                }
            }
            "pusher_internal:watchlist_events" => self.handle_watchlist(data),
            // Unknown internal messages are dropped; other unknown ones may be an extension that user code handles.
            other => return other.starts_with("pusher_internal:"),
        }
        true
    }

    fn handle_server_error(&mut self, frame: &ServerFrame<'_>) {
        let fields = frame.data.fields();
        let code = error_code(&fields);
        let message = error_message(&fields, &frame.data);
        let channel = frame.channel.as_deref();
        if channel.is_some_and(|channel| self.user.owns_channel(channel)) {
            self.user.announce(&mut self.context);
        }
        let ambiguous = self.channels.has_pending_replies(self.context.now);
        if channel.is_none()
            && self
                .user
                .on_refused(&mut self.context, code, &message, ambiguous)
        {
            self.on_identity_changed();
        }
        let channel = channel
            .and_then(|channel| self.channels.receiving(channel))
            .cloned();
        self.context.report(PusherError::Server {
            code,
            message: message.clone(),
            channel: channel.clone(),
        });
        // On a subscribed channel the error is about something else, such as a client event.
        if let Some(channel) = channel.filter(|name| !self.channels.is_subscribed(name)) {
            self.channels
                .on_refused(&mut self.context, &channel, code, &message);
        }
    }

    fn handle_watchlist(&mut self, data: &EventData<'_>) {
        // A late message for a user who signed out.
        if !self.user.is_wanted() {
            return;
        }
        let fields = data.fields();
        for element in fields
            .get("events")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            if let Some(event) = element.get("name").and_then(Value::as_str) {
                let user_ids = user_ids(element);
                self.context.notice(Notice::Watchlist {
                    event: event.into(),
                    user_ids,
                });
            }
        }
    }

    /// Returns the event for user code, if its channel is subscribed or it has no channel.
    fn user_event<'a>(&mut self, frame: ServerFrame<'a>) -> Option<ReceivedEvent<'a>> {
        let ServerFrame {
            event,
            channel,
            data,
            user_id,
            extras,
        } = frame;
        if channel.is_none() && is_watchlist(&self.user, &event) {
            let user_ids = user_ids(&Value::Object(data.fields()));
            self.context.notice(Notice::Watchlist {
                event: event.into_owned(),
                user_ids,
            });
            return None;
        }
        let is_protocol_event = event.starts_with("pusher:");
        let received = |target, user_id| ReceivedEvent {
            target,
            event,
            data,
            user_id,
            extras,
        };
        // `user_id` is dropped: without a channel no server verifies it.
        let Some(channel) = channel else {
            return Some(received(EventTarget::Connection, None));
        };
        if let Some(name) = self.channels.receiving(&channel).cloned() {
            let kind = name.kind();
            // On other channels the protocol has no sender, so a server may relay what a client put there.
            let user_id = user_id.filter(|_| kind == ChannelKind::Presence);
            let event = received(EventTarget::Channel(name.clone()), user_id);
            if kind == ChannelKind::PrivateEncrypted && !is_protocol_event {
                self.channels.decrypt(&mut self.context, &name, event)
            } else {
                Some(event)
            }
        } else if self.user.owns_channel(&channel) && !is_protocol_event {
            let event = received(EventTarget::User, None);
            // The event proves that the user's channel is subscribed, even if its confirmation is missing. The sign-in is
            // reported first, and the event after it.
            if self.user.announce(&mut self.context) {
                self.context.notice(Notice::Event(event.into_owned()));
                None
            } else {
                Some(event)
            }
        } else {
            None
        }
    }
}

/// Sockudo sends watchlist changes in separate frames, without a channel, and before `pusher:signin_success`.
fn is_watchlist(user: &User, event: &str) -> bool {
    user.is_wanted() && matches!(event, "online" | "offline")
}

fn user_ids(element: &Value) -> Vec<String> {
    let ids = element.get("user_ids").and_then(Value::as_array);
    ids.into_iter()
        .flatten()
        .filter_map(|id| match id {
            Value::String(id) => Some(id.clone()),
            Value::Number(id) => Some(id.to_string()),
            _ => None,
        })
        .collect()
}

/// Returns the `code` of a `pusher:error`; `None` if it is null, missing or invalid.
pub(super) fn error_code(fields: &Map<String, Value>) -> Option<u16> {
    number(fields, "code")
}

fn number(fields: &Map<String, Value>, name: &str) -> Option<u16> {
    match fields.get(name)? {
        Value::Number(number) => number.as_u64()?.try_into().ok(),
        // Some servers send codes as strings.
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// Returns a redacted excerpt of the error message, or of the whole payload if it has none.
pub(super) fn error_message(fields: &Map<String, Value>, data: &EventData<'_>) -> String {
    let named = ["message", "error", "reason"]
        .iter()
        .find_map(|name| fields.get(*name)?.as_str());
    match named.unwrap_or(data.as_str()) {
        text if text.trim().is_empty() => String::new(),
        text => redacted_excerpt(text),
    }
}
