//! The top level of a frame, deserialized with serde. `fast_path` parses the usual frames without it.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::protocol::{EventData, Extra, Extras};

/// The top level of a frame, borrowed from its text.
pub(super) struct Envelope<'a> {
    pub(super) event: Cow<'a, str>,
    pub(super) channel: Option<Cow<'a, str>>,
    pub(super) data: Option<&'a RawValue>,
    pub(super) user_id: Option<&'a RawValue>,
    /// All other keys.
    pub(super) extras: Extras<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Envelope<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EnvelopeVisitor;

        impl<'de> Visitor<'de> for EnvelopeVisitor {
            type Value = Envelope<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with an event")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let (mut event, mut channel, mut data, mut user_id) = (None, None, None, None);
                let mut extras = Extras::default();
                while let Some(Text(key)) = map.next_key()? {
                    match &*key {
                        "event" if event.is_none() => event = Some(map.next_value::<Text>()?),
                        "channel" if channel.is_none() => {
                            channel = Some(map.next_value::<Option<Text>>()?);
                        }
                        "data" if data.is_none() => data = Some(map.next_value()?),
                        "user_id" if user_id.is_none() => user_id = Some(map.next_value()?),
                        // A duplicate is an error: which of the two values the server meant is unknown.
                        "event" => return Err(A::Error::duplicate_field("event")),
                        "channel" => return Err(A::Error::duplicate_field("channel")),
                        "data" => return Err(A::Error::duplicate_field("data")),
                        "user_id" => return Err(A::Error::duplicate_field("user_id")),
                        _ => {
                            let value: &RawValue = map.next_value()?;
                            let value = EventData::of(Some(value.get()));
                            extras.push(Extra { key, value });
                        }
                    }
                }
                let Text(event) = event.ok_or_else(|| A::Error::missing_field("event"))?;
                Ok(Envelope {
                    event,
                    channel: channel.flatten().map(|Text(channel)| channel),
                    data,
                    user_id,
                    extras,
                })
            }
        }

        deserializer.deserialize_map(EnvelopeVisitor)
    }
}

/// A string that borrows from the frame unless it contains escapes. Serde's own `Cow` never borrows inside an `Option`.
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}
