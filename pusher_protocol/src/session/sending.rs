use std::{collections::VecDeque, time::Duration};

use crate::{
    config::Limits,
    protocol::{ChannelName, ClientFrame},
    session::{ClientEvent, Notice, SendError, SendId, SendOutcome, Session, link::Link},
};

/// The span over which servers count client events.
const RATE_SPAN: Duration = Duration::from_secs(1);

/// Checks what about a client event does not depend on the connection: the name, the channel's kind, the size of the
/// data in bytes of JSON.
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

/// Counts client events over a sliding second, as the servers do.
#[derive(Debug, Default)]
pub(super) struct RateLimiter {
    sent_at: VecDeque<Duration>,
}

impl RateLimiter {
    /// Takes one of the second's events, if one is left.
    fn take(&mut self, now: Duration, limit: u32) -> Result<(), SendError> {
        while self
            .sent_at
            .front()
            .is_some_and(|sent_at| now >= *sent_at + RATE_SPAN)
        {
            self.sent_at.pop_front();
        }
        if self.sent_at.len() >= limit as usize {
            return Err(SendError::RateLimited { limit });
        }
        self.sent_at.push_back(now);
        Ok(())
    }
}

impl Session {
    pub(super) fn send(&mut self, event: ClientEvent) {
        match self.may_send(&event) {
            Ok(()) => {
                let frame = ClientFrame::ClientEvent {
                    channel: &event.channel,
                    event: &event.event,
                    data: &event.data,
                };
                self.context.send_answered(frame, event.id);
            }
            Err(error) => self.answer(event.id, SendOutcome::Rejected(error)),
        }
    }

    fn may_send(&mut self, event: &ClientEvent) -> Result<(), SendError> {
        let limits = &self.context.config.limits;
        check_client_event(&event.channel, &event.event, event.data.get().len(), limits)?;
        if !matches!(self.link, Link::Connected { .. }) {
            return Err(SendError::NotConnected);
        }
        if !self.channels.is_subscribed(&event.channel) {
            return Err(SendError::NotSubscribed);
        }
        match limits.client_events_per_second {
            Some(limit) => self.rate.take(self.context.now, limit),
            None => Ok(()),
        }
    }

    pub(super) fn written(&mut self, id: SendId, accepted: bool) {
        if !accepted {
            self.answer(id, SendOutcome::Rejected(SendError::Backlogged));
        } else if self.context.config.answer_sent {
            self.answer(id, SendOutcome::Sent);
        }
    }

    fn answer(&mut self, id: SendId, outcome: SendOutcome) {
        self.context.notice(Notice::SendAnswered { id, outcome });
    }
}
