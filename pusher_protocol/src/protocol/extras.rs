//! Keys of a message that the protocol does not define.

use std::borrow::Cow;

use crate::protocol::EventData;

/// The keys of a message that the protocol does not define: extensions of a server. Most messages have none; then this is a
/// null pointer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras<'a>(
    #[allow(clippy::box_collection, reason = "keeps frames without extras small")]
    Option<Box<Vec<Extra<'a>>>>,
);

/// One such key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extra<'a> {
    /// The key.
    pub key: Cow<'a, str>,
    /// Its value.
    pub value: EventData<'a>,
}

impl<'a> Extras<'a> {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Iterates over all keys, in the order of the message.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Extra<'a>> {
        self.0.as_deref().map_or(&[][..], Vec::as_slice).iter()
    }

    /// Converts into owned strings.
    #[must_use]
    pub fn into_owned(self) -> Extras<'static> {
        let Some(extras) = self.0 else {
            return Extras::default();
        };
        extras
            .into_iter()
            .map(|extra| Extra {
                key: Cow::Owned(extra.key.into_owned()),
                value: extra.value.into_owned(),
            })
            .collect()
    }

    #[cold]
    pub(super) fn push(&mut self, extra: Extra<'a>) {
        self.0.get_or_insert_default().push(extra);
    }
}

impl<'a> FromIterator<Extra<'a>> for Extras<'a> {
    fn from_iter<I: IntoIterator<Item = Extra<'a>>>(extras: I) -> Self {
        let mut all = Self::default();
        for extra in extras {
            all.push(extra);
        }
        all
    }
}
