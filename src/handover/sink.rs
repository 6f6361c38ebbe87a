use std::{mem::take, sync::Arc};

use pusher_protocol::session::{Notice, ReceivedEvent};

use crate::{
    driver::Sink,
    handover::{Batch, EventTypes, Mailbox, streams::Streams, types::Table},
};

/// After so many events a burst is handed over in parts, so that the frame need not wait for its end.
const PART: usize = 1024;

/// The same for large events: after so many bytes of frames.
const PART_BYTES: usize = 256 << 10;

/// The driver's end of the hand-over. Lives on the driver's thread.
pub(crate) struct HandoverSink {
    mailbox: Arc<Mailbox>,
    batch: Batch,
    /// Since the last flush.
    events: usize,
    /// Since the last flush.
    bytes: usize,
    streams: Streams,
    types: EventTypes,
    table: Table,
    generation: u64,
}

impl HandoverSink {
    pub(crate) fn new(mailbox: Arc<Mailbox>, types: EventTypes) -> Self {
        Self {
            mailbox,
            batch: Batch::default(),
            events: 0,
            bytes: 0,
            streams: Streams::default(),
            types,
            table: Table::default(),
            generation: 0,
        }
    }
}

impl Sink for HandoverSink {
    fn received(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    fn event(&mut self, event: &ReceivedEvent<'_>) {
        if self.types.refresh(&mut self.generation, &mut self.table) {
            self.streams.forget();
        }
        let user_id = event.user_id.as_deref().map(|id| self.streams.user_id(id));
        let stream = self
            .streams
            .of(&event.target, &event.event, |audience, name| {
                self.table.stream(audience, name)
            });
        self.batch.push_event(stream, user_id, event, &self.table);
        self.events += 1;
        if self.events >= PART || self.bytes >= PART_BYTES {
            self.flush();
        }
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Event(event) => self.event(&event),
            notice => self.batch.push_notice(notice),
        }
    }

    fn flush(&mut self) {
        let (events, bytes) = (take(&mut self.events), take(&mut self.bytes));
        if bytes > 0 {
            self.mailbox.meter().count(events as u64, bytes as u64);
        }
        if !self.batch.is_empty() || self.batch.has_round_trip() {
            self.mailbox.leave(&mut self.batch);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use pusher_protocol::{
        protocol::{EventData, Extras},
        session::EventTarget,
    };

    use super::*;

    /// Whether the frame finds any of so many events, of frames of so many bytes each, before the burst has ended.
    fn handed_over(events: usize, bytes: usize) -> bool {
        let mailbox = Arc::new(Mailbox::default());
        let mut sink = HandoverSink::new(mailbox.clone(), EventTypes::default());
        let event = ReceivedEvent {
            target: EventTarget::Connection,
            event: Cow::Borrowed("e"),
            data: EventData::Absent,
            user_id: None,
            extras: Extras::default(),
        };
        for _ in 0..events {
            sink.received(bytes);
            sink.event(&event);
        }
        let mut batch = Batch::default();
        mailbox.take(&mut batch);
        !batch.is_empty()
    }

    #[test]
    fn a_burst_of_many_or_of_large_events_is_handed_over_before_its_end() {
        assert!(!handed_over(PART - 1, 100));
        assert!(handed_over(PART, 100));
        assert!(!handed_over(2, 100_000));
        assert!(handed_over(3, 100_000));
    }
}
