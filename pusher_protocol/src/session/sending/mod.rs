//! Client events: validation, the choice between sending, queueing and rejecting, and the report of the outcome.

mod outbox;
mod rate_shares;

pub(super) use outbox::Outbox;

use crate::{
    config::Limits,
    protocol::{ChannelName, ClientFrame},
    session::{
        ClientEvent, Notice, SendError, SendId, SendMode, SendOutcome, Session, channels::Channels,
        connection::Connection, context::Context,
    },
};
use outbox::PendingEvent;

/// Checks everything about a client event that does not depend on the connection: its name, the channel's kind, and the size
/// of the data in bytes of JSON.
///
/// # Errors
///
/// Returns the [`SendError`] with which sending the event would be rejected.
pub fn check_client_event(
    channel: &ChannelName,
    event: &str,
    data_bytes: usize,
    limits: &Limits,
) -> Result<(), SendError> {
    if !event.starts_with("client-") {
        return Err(SendError::NotAClientEvent {
            event: event.to_owned(),
        });
    }
    let kind = channel.kind();
    if !kind.allows_client_events() {
        return Err(SendError::WrongKind { kind });
    }
    let limit = limits.client_event_bytes;
    if data_bytes > limit {
        return Err(SendError::TooLarge {
            size: data_bytes,
            limit,
        });
    }
    Ok(())
}

impl Session {
    pub(super) fn send(&mut self, event: ClientEvent) {
        let limits = &self.context.config.limits;
        let size = event.data.get().len();
        if let Err(error) = check_client_event(&event.channel, &event.event, size, limits) {
            return reject(&mut self.context, event.id, error);
        }
        match event.mode {
            SendMode::Immediate => self.send_now(&event),
            SendMode::Queued => self.send_queued(event),
            SendMode::Latest => self.send_latest(event),
        }
    }

    fn send_now(&mut self, event: &ClientEvent) {
        let now = self.context.now;
        let limit = self.context.config.limits.client_events_per_second;
        // In this order: the reason that user code can act on comes first.
        let allowed = if !matches!(self.connection, Connection::Connected { .. }) {
            Err(SendError::NotConnected)
        } else if !self.channels.is_subscribed(&event.channel) {
            Err(SendError::NotSubscribed)
        } else {
            self.outbox.take_immediate(now, limit)
        };
        match allowed {
            Ok(()) => write(&mut self.context, event),
            Err(error) => reject(&mut self.context, event.id, error),
        }
    }

    fn send_queued(&mut self, event: ClientEvent) {
        let id = event.id;
        self.outbox
            .push_queued(PendingEvent::new(event, self.context.now));
        if self.flush_send(id) {
            report_outcome(&mut self.context, id, SendOutcome::Queued);
        }
    }

    fn send_latest(&mut self, event: ClientEvent) {
        let id = event.id;
        let pending = PendingEvent::new(event, self.context.now);
        // Before the new event is sent, so that the outcomes come in the order of the events.
        if let Some(before) = self.outbox.push_latest(pending) {
            report_outcome(&mut self.context, before, SendOutcome::Coalesced);
        }
        self.flush_send(id);
    }

    /// Sends, keeps or rejects the event that was queued last. Returns whether it waits.
    fn flush_send(&mut self, id: SendId) -> bool {
        self.flush_sends();
        let limit = self.context.config.limits.queued_client_events;
        match self.outbox.check_limit(id, limit) {
            Ok(waits) => waits,
            Err(error) => {
                reject(&mut self.context, id, error);
                false
            }
        }
    }

    /// Sends the waiting events that can be sent now, and rejects those that never can. Called after every change of the
    /// connection, a channel or the time.
    pub(super) fn flush_sends(&mut self) {
        let Self {
            context,
            connection,
            channels,
            outbox,
            ..
        } = self;
        // The common case of each frame and input.
        if outbox.is_idle() {
            return;
        }
        let now = context.now;
        let timeout = context.config.timing.queue_timeout;
        let limit = context.config.limits.client_events_per_second;
        let unsendable = outbox.take_unsendable(|pending| {
            check_sendable(connection, channels, pending)?;
            if pending.event.mode == SendMode::Queued && now >= pending.since + timeout {
                return Err(SendError::TimedOut { after: timeout });
            }
            Ok(())
        });
        for (id, error) in unsendable {
            reject(context, id, error);
        }
        let is_open = |pending: &PendingEvent| channels.is_subscribed(&pending.event.channel);
        while let Some(event) = outbox.take_due(now, limit, timeout, is_open) {
            write(context, &event);
        }
    }

    pub(super) fn on_written(&mut self, id: SendId, accepted: bool) {
        if !accepted {
            reject(&mut self.context, id, SendError::Backlogged);
        } else if self.context.config.answer_sent {
            report_outcome(&mut self.context, id, SendOutcome::Sent);
        }
    }
}

/// Fails if a waiting event can no longer be sent without an action of user code.
fn check_sendable(
    connection: &Connection,
    channels: &Channels,
    pending: &mut PendingEvent,
) -> Result<(), SendError> {
    let is_latest = pending.event.mode == SendMode::Latest;
    match connection {
        Connection::Connected { .. } => {}
        Connection::Dialing { .. } | Connection::Waiting { .. } if !is_latest => {}
        _ => return Err(SendError::NotConnected),
    }
    match channels.sendable(&pending.event.channel) {
        Some(sendable) => {
            // From now on, a missing channel means that it was unsubscribed.
            pending.was_wanted = true;
            sendable
        }
        None if pending.was_wanted => Err(SendError::Unsubscribed),
        None if is_latest => Err(SendError::NotSubscribed),
        None => Ok(()),
    }
}

fn write(context: &mut Context, event: &ClientEvent) {
    let frame = ClientFrame::ClientEvent {
        channel: &event.channel,
        event: &event.event,
        data: &event.data,
    };
    context.send_with_answer(frame, Some(event.id));
}

fn reject(context: &mut Context, id: SendId, error: SendError) {
    report_outcome(context, id, SendOutcome::Rejected(error));
}

fn report_outcome(context: &mut Context, id: SendId, outcome: SendOutcome) {
    context.notice(Notice::SendAnswered { id, outcome });
}
