//! [`Batch`]: events and notices in their order.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use pusher_protocol::{
    ChannelName,
    protocol::Roster,
    session::{Notice, ReceivedEvent},
};

use crate::{
    event::{EventKind, ExtraFields, Losses},
    inbound::{column::Column, overflow::OverflowSummary, registry::Table},
};

/// The estimated size of a member in a roster, in bytes. Rosters make notices large.
const MEMBER_BYTES: usize = 96;

/// Events and notices in their order. Payloads lie in columns, one for each registered type.
#[derive(Default)]
pub(crate) struct Batch {
    order: VecDeque<Entry>,
    rows: VecDeque<Row>,
    /// By the index of the type in the [`Table`].
    columns: Vec<Option<Box<dyn Column>>>,
    /// The number of events and notices.
    count: usize,
    bytes: usize,
    round_trip: Option<Duration>,
}

/// What comes next.
pub(crate) enum Entry {
    /// This many events of one kind.
    Events(Arc<EventKind>, usize),
    Notice(Box<Notice>),
    /// Events were dropped here.
    Lost(Box<Losses>),
    /// The roster of a presence channel, in place of notices about single members that were dropped.
    Roster(Box<(ChannelName, Arc<Roster>)>),
    /// A summary of entries that exceeded the limits.
    Overflow(Box<OverflowSummary>),
}

/// An event without its decoded payloads.
pub(crate) struct Row {
    pub(crate) user_id: Option<Arc<str>>,
    pub(crate) extras: Option<ExtraFields>,
    bytes: usize,
}

impl Batch {
    /// Appends an event, and decodes its payload into the registered types.
    pub(super) fn push_event(
        &mut self,
        kind: &Arc<EventKind>,
        user_id: Option<Arc<str>>,
        event: &ReceivedEvent<'_>,
        types: &Table,
    ) {
        match self.order.back_mut() {
            Some(Entry::Events(last, rows)) if Arc::ptr_eq(last, kind) => *rows += 1,
            _ => self.order.push_back(Entry::Events(kind.clone(), 1)),
        }
        for &index in &kind.columns {
            if self.columns.len() <= index {
                self.columns.resize_with(index + 1, || None);
            }
            if let Some(slot) = self.columns.get_mut(index) {
                if slot.is_none() {
                    *slot = types.make_column(index);
                }
                if let Some(column) = slot {
                    column.decode(&event.data);
                }
            }
        }
        let data = &event.data;
        let extras = ExtraFields::of(&event.extras);
        let more = extras.as_ref().map_or(0, ExtraFields::bytes);
        let bytes = size_of::<Row>() + data.as_str().len() + more;
        self.rows.push_back(Row {
            user_id,
            extras,
            bytes,
        });
        self.count += 1;
        self.bytes += bytes;
    }

    /// Appends a notice. Of round trips, only the latest is kept.
    pub(super) fn push_notice(&mut self, notice: Notice) {
        if let Notice::RoundTrip(round_trip) = notice {
            self.round_trip = Some(round_trip);
            return;
        }
        self.push_back(Entry::Notice(Box::new(notice)));
    }

    fn push_back(&mut self, entry: Entry) {
        self.account_for(&entry);
        self.order.push_back(entry);
    }

    fn account_for(&mut self, entry: &Entry) {
        if let Some(bytes) = entry.bytes() {
            self.count += 1;
            self.bytes += bytes;
        }
    }

    fn pop_front(&mut self) -> Option<Entry> {
        let entry = self.order.pop_front()?;
        if let Some(bytes) = entry.bytes() {
            self.count -= 1;
            self.bytes -= bytes;
        }
        Some(entry)
    }

    /// Takes the next entry. The rows of an [`Entry::Events`] are taken by [`pop_row`](Self::pop_row).
    pub(crate) fn pop(&mut self) -> Option<Entry> {
        let entry = self.pop_front()?;
        if let Entry::Overflow(summary) = entry {
            let entries = summary.into_entries();
            for entry in entries.into_iter().rev() {
                self.account_for(&entry);
                self.order.push_front(entry);
            }
            return self.pop();
        }
        Some(entry)
    }

    /// Puts back the rest of an [`Entry::Events`].
    pub(crate) fn push_front_rows(&mut self, kind: Arc<EventKind>, rows: usize) {
        if rows > 0 {
            self.order.push_front(Entry::Events(kind, rows));
        }
    }

    /// Takes the next event. Its payloads are the next ones of its columns.
    pub(crate) fn pop_row(&mut self) -> Option<Row> {
        let row = self.rows.pop_front()?;
        self.count -= 1;
        self.bytes -= row.bytes;
        Some(row)
    }

    pub(crate) fn column(&mut self, index: usize) -> Option<&mut (dyn Column + 'static)> {
        self.columns.get_mut(index)?.as_deref_mut()
    }

    pub(crate) fn columns(&mut self) -> impl Iterator<Item = &mut Box<dyn Column>> {
        self.columns.iter_mut().flatten()
    }

    pub(crate) fn take_round_trip(&mut self) -> Option<Duration> {
        self.round_trip.take()
    }

    pub(super) fn has_round_trip(&self) -> bool {
        self.round_trip.is_some()
    }

    /// The number of events and notices.
    #[cfg(feature = "diagnostics")]
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Moves a later batch to the end of this one.
    pub(super) fn append(&mut self, later: &mut Self) {
        let round_trip = later.round_trip.take().or(self.round_trip.take());
        if self.is_empty() {
            // The buffers that the frame has emptied are used again.
            std::mem::swap(self, later);
        } else {
            self.append_rows(later);
        }
        self.round_trip = round_trip;
    }

    fn append_rows(&mut self, later: &mut Self) {
        self.order.append(&mut later.order);
        self.rows.append(&mut later.rows);
        if self.columns.len() < later.columns.len() {
            self.columns.resize_with(later.columns.len(), || None);
        }
        for (own, later) in self.columns.iter_mut().zip(&mut later.columns) {
            match (own, later) {
                (Some(own), Some(later)) => own.append(&mut **later),
                (own @ None, later @ Some(_)) => *own = later.take(),
                (_, None) => {}
            }
        }
        self.count += std::mem::take(&mut later.count);
        self.bytes += std::mem::take(&mut later.bytes);
    }

    /// Drops everything but the answers to client events.
    pub(super) fn into_answers(self) -> Self {
        let mut answers = Self::default();
        for entry in self.order {
            if let Entry::Notice(notice) = entry
                && matches!(*notice, Notice::SendAnswered { .. })
            {
                answers.push_notice(*notice);
            }
        }
        answers
    }

    /// Enforces the limits: drops and counts the oldest events, and summarizes the oldest notices.
    pub(super) fn trim(&mut self, count: usize, bytes: usize) {
        let exceeds = |batch: &Self| batch.count > count || batch.bytes > bytes;
        if !exceeds(self) {
            return;
        }
        let is_summary = |entry: &mut Entry| matches!(entry, Entry::Overflow(_));
        let mut summary = match self.order.pop_front_if(is_summary) {
            Some(Entry::Overflow(summary)) => summary,
            _ => Box::default(),
        };
        while exceeds(self) || self.is_roster_difference() {
            match self.pop_front() {
                Some(Entry::Events(kind, rows)) => {
                    let mut dropped = 0;
                    while dropped < rows && exceeds(self) {
                        self.pop_row();
                        dropped += 1;
                    }
                    for &index in &kind.columns {
                        if let Some(column) = self.column(index) {
                            column.skip(dropped);
                        }
                    }
                    summary.lose(&kind.target, dropped as u64);
                    self.push_front_rows(kind, rows - dropped);
                }
                Some(entry) => summary.add(entry),
                None => break,
            }
        }
        self.order.push_front(Entry::Overflow(summary));
    }

    /// Whether the next entry is a difference to a roster that the summary may already contain. Then it must go into the summary too, since
    /// the differences to a summarized roster are found when it is delivered.
    fn is_roster_difference(&self) -> bool {
        let Some(Entry::Notice(notice)) = self.order.front() else {
            return false;
        };
        match &**notice {
            Notice::MemberJoined(membership) | Notice::MemberLeft(membership) => {
                membership.while_away
            }
            _ => false,
        }
    }
}

impl Entry {
    /// The size that counts against the limit. `None` for entries that are counted by their rows, or bounded in another way.
    fn bytes(&self) -> Option<usize> {
        let more = match self {
            Self::Events(..) | Self::Overflow(_) => return None,
            Self::Lost(_) => 0,
            Self::Roster(roster) => roster.1.len() * MEMBER_BYTES,
            Self::Notice(notice) => match &**notice {
                Notice::Members { roster, .. } => roster.len() * MEMBER_BYTES,
                Notice::MemberJoined(membership) | Notice::MemberLeft(membership) => {
                    membership.roster.len() * MEMBER_BYTES
                }
                // A server may send long texts.
                Notice::Error { error, .. } => error.to_string().len(),
                Notice::Watchlist { user_ids, .. } => user_ids.iter().map(String::len).sum(),
                _ => 0,
            },
        };
        Some(size_of::<Notice>() + more)
    }
}
