//! Fields of a message that are not part of the protocol.

use std::sync::Arc;

use pusher_protocol::protocol::Extras;

use crate::event::RawData;

/// The fields of an event's message that are not part of the protocol.
#[derive(Clone, Debug)]
pub(crate) struct ExtraFields(Arc<Box<[Field]>>);

type Field = (Box<str>, RawData);

impl ExtraFields {
    /// Returns `None` if there are none, as in most events.
    pub(crate) fn of(extras: &Extras<'_>) -> Option<Self> {
        if extras.is_empty() {
            return None;
        }
        let fields = extras
            .iter()
            .map(|extra| ((*extra.key).into(), RawData::from(&extra.value)));
        Some(Self(Arc::new(fields.collect())))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &RawData)> {
        self.0.iter().map(|(key, value)| (&**key, value))
    }

    /// Their estimated size, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let texts = self
            .iter()
            .map(|(key, value)| key.len() + value.as_str().len());
        self.0.len() * size_of::<Field>() + texts.sum::<usize>()
    }
}
