use std::{collections::VecDeque, sync::Arc, time::Duration};

use pusher_protocol::{
    ChannelName,
    protocol::Roster,
    session::{Notice, ReceivedEvent},
};

use crate::{
    event::{ExtraFields, Losses, RawData, Stream},
    handover::{column::Column, digest::Digest, types::Table},
};

/// What a member takes in a roster, in bytes, roughly: it is rosters that make notices large.
const MEMBER_BYTES: usize = 96;

/// What happened, in the order in which it did.
#[derive(Default)]
pub(crate) struct Batch {
    order: VecDeque<Entry>,
    rows: VecDeque<Row>,
    /// By the index of the type.
    columns: Vec<Option<Box<dyn Column>>>,
    /// Events and notices.
    count: usize,
    bytes: usize,
    round_trip: Option<Duration>,
}

/// What comes next.
pub(crate) enum Entry {
    /// So many rows of one stream.
    Events(Arc<Stream>, usize),
    /// All but events.
    Notice(Box<Notice>),
    /// Events that were here and are no more.
    Lost(Box<Losses>),
    /// Who is on a presence channel now, after comings and goings that were not kept one by one.
    Roster(Box<(ChannelName, Arc<Roster>)>),
    /// What is left of entries that were too many.
    Digest(Box<Digest>),
}

/// What is kept of an event beside its decoded payloads.
pub(crate) struct Row {
    pub(crate) user_id: Option<Arc<str>>,
    pub(crate) raw: Option<RawData>,
    pub(crate) extras: Option<ExtraFields>,
    bytes: usize,
}

impl Batch {
    /// Takes in an event.
    pub(super) fn push_event(
        &mut self,
        stream: &Arc<Stream>,
        user_id: Option<Arc<str>>,
        event: &ReceivedEvent<'_>,
        types: &Table,
    ) {
        match self.order.back_mut() {
            Some(Entry::Events(last, rows)) if Arc::ptr_eq(last, stream) => *rows += 1,
            _ => self.order.push_back(Entry::Events(stream.clone(), 1)),
        }
        for &index in &stream.columns {
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
            raw: stream.keeps_raw.then(|| RawData::from(data)),
            extras,
            bytes,
        });
        self.count += 1;
        self.bytes += bytes;
    }

    /// Takes in all but an event.
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

    /// Takes the next entry out. Of an [`Entry::Events`], the rows are to be taken out one by one.
    pub(crate) fn pop(&mut self) -> Option<Entry> {
        let entry = self.order.pop_front()?;
        if let Some(bytes) = entry.bytes() {
            self.count -= 1;
            self.bytes -= bytes;
        }
        if let Entry::Digest(digest) = entry {
            let entries = digest.into_entries();
            for entry in entries.into_iter().rev() {
                self.account_for(&entry);
                self.order.push_front(entry);
            }
            return self.pop();
        }
        Some(entry)
    }

    /// Puts back the rows of a stream that were not taken out.
    pub(crate) fn put_back(&mut self, stream: Arc<Stream>, rows: usize) {
        if rows > 0 {
            self.order.push_front(Entry::Events(stream, rows));
        }
    }

    /// Takes the next event out. Its payloads are the next ones of [`Self::column`].
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

    /// Keeps an older round trip unless there is a newer one.
    pub(super) fn keep_round_trip(&mut self, older: Duration) {
        self.round_trip.get_or_insert(older);
    }

    /// How many events and notices it holds.
    #[cfg(feature = "diagnostics")]
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Moves all of a later batch behind the own, and leaves it empty.
    pub(super) fn append(&mut self, later: &mut Self) {
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
        if let Some(round_trip) = later.round_trip.take() {
            self.round_trip = Some(round_trip);
        }
    }

    /// The answers to what the game sent.
    pub(super) fn into_answers(self) -> impl Iterator<Item = Notice> {
        self.order.into_iter().filter_map(|entry| match entry {
            Entry::Notice(notice) if matches!(*notice, Notice::SendAnswered { .. }) => {
                Some(*notice)
            }
            _ => None,
        })
    }

    /// Keeps no more than so many events and notices, and so many bytes: the oldest events are dropped and counted, the
    /// oldest notices boiled down to what they come to.
    pub(super) fn trim(&mut self, count: usize, bytes: usize) {
        if self.count <= count && self.bytes <= bytes {
            return;
        }
        let mut digest = match self.order.front() {
            Some(Entry::Digest(_)) => match self.order.pop_front() {
                Some(Entry::Digest(digest)) => digest,
                _ => Box::default(),
            },
            _ => Box::default(),
        };
        while self.count > count || self.bytes > bytes || self.is_amid_a_resubscription() {
            match self.order.pop_front() {
                Some(Entry::Events(stream, rows)) => {
                    let mut dropped = 0;
                    while dropped < rows && (self.count > count || self.bytes > bytes) {
                        self.pop_row();
                        dropped += 1;
                    }
                    for &index in &stream.columns {
                        if let Some(column) = self.column(index) {
                            column.skip(dropped);
                        }
                    }
                    digest.lose(&stream.audience, dropped as u64);
                    self.put_back(stream, rows - dropped);
                }
                Some(entry) => {
                    if let Some(bytes) = entry.bytes() {
                        self.count -= 1;
                        self.bytes -= bytes;
                    }
                    digest.fold(entry);
                }
                None => break,
            }
        }
        self.order.push_front(Entry::Digest(digest));
    }

    /// Whether what is next tells of differences to a roster whose own notice may just have been folded: they belong
    /// together, for a folded roster tells of the differences by itself.
    fn is_amid_a_resubscription(&self) -> bool {
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
    /// What it counts for; nothing if it is counted by its rows, or bounded in itself.
    fn bytes(&self) -> Option<usize> {
        let more = match self {
            Self::Events(..) | Self::Digest(_) => return None,
            Self::Lost(_) => 0,
            Self::Roster(roster) => roster.1.len() * MEMBER_BYTES,
            Self::Notice(notice) => match &**notice {
                Notice::Members { roster, .. } => roster.len() * MEMBER_BYTES,
                Notice::MemberJoined(membership) | Notice::MemberLeft(membership) => {
                    membership.roster.len() * MEMBER_BYTES
                }
                // A server may say much.
                Notice::Error { error, .. } => error.to_string().len(),
                Notice::Watchlist { user_ids, .. } => user_ids.iter().map(String::len).sum(),
                _ => 0,
            },
        };
        Some(size_of::<Notice>() + more)
    }
}
