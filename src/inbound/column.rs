//! [`Column`]: decoded payloads of one type, and their decoding.

use std::{
    any::{Any, type_name},
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
};

use bevy_ecs::prelude::*;
use pusher_protocol::protocol::EventData;
use serde::de::{DeserializeOwned, IgnoredAny, IntoDeserializer, value::StrDeserializer};

use crate::{
    event::{DecodeFailure, Losses, Origin, PusherDecodeFailed, RawData},
    inbound::{
        messages::{drop_excess_events, write_messages},
        receive::{Dispatcher, InboundEvent},
    },
    user_code::drop_value,
};

/// Decoded payloads of one type, the oldest first. Filled on the driver's thread, emptied by the frame.
pub(crate) trait Column: Any + Send + Sync {
    /// Decodes a payload, and keeps the value or the failure.
    fn decode(&mut self, data: &EventData<'_>);

    /// Moves all rows of another column of the same type to the end of this one.
    fn append(&mut self, other: &mut dyn Column);

    /// Drops the oldest rows.
    fn skip(&mut self, rows: usize);

    /// Delivers the oldest row as an event to observers, and keeps it for [`write_messages`](Self::write_messages).
    fn dispatch(&mut self, origin: Origin<'_>, dispatcher: &mut Dispatcher<'_>);

    /// Writes the delivered events as messages.
    fn write_messages(&mut self, world: &mut World);

    /// Drops messages of this type beyond `limit`, and counts them.
    fn drop_excess_messages(&self, world: &mut World, limit: usize, losses: &mut Losses);
}

/// The column of one kind of event.
struct TypedColumn<E: InboundEvent> {
    decode: Decode<E::Data>,
    rows: VecDeque<Result<E::Data, Box<DecodeFailure>>>,
    /// Delivered to observers, but not written as messages yet. Only used in the frame.
    delivered: Vec<E>,
}

/// Decodes a payload.
type Decode<T> = fn(&EventData<'_>) -> Result<T, Box<DecodeFailure>>;

impl<E: InboundEvent> TypedColumn<E> {
    fn new(decode: Decode<E::Data>) -> Self {
        Self {
            decode,
            rows: VecDeque::new(),
            delivered: Vec::new(),
        }
    }
}

/// Creates a column for payloads that are decoded from JSON.
pub(super) fn decoded<E: InboundEvent<Data: DeserializeOwned>>() -> Box<dyn Column> {
    Box::new(TypedColumn::<E>::new(decode))
}

/// Creates a column for undecoded payloads.
pub(super) fn undecoded<E: InboundEvent<Data = RawData>>() -> Box<dyn Column> {
    Box::new(TypedColumn::<E>::new(|data| Ok(RawData::from(data))))
}

impl<E: InboundEvent> Column for TypedColumn<E> {
    fn decode(&mut self, data: &EventData<'_>) {
        self.rows.push_back((self.decode)(data));
    }

    fn append(&mut self, other: &mut dyn Column) {
        let other: &mut dyn Any = other;
        if let Some(other) = other.downcast_mut::<Self>() {
            self.rows.append(&mut other.rows);
        }
    }

    fn skip(&mut self, rows: usize) {
        self.rows
            .drain(..rows.min(self.rows.len()))
            .for_each(drop_value);
    }

    fn dispatch(&mut self, origin: Origin<'_>, dispatcher: &mut Dispatcher<'_>) {
        match self.rows.pop_front() {
            Some(Ok(data)) => {
                let mut event = E::new(origin, data);
                if event.dispatch(origin.kind, dispatcher) {
                    self.delivered.push(event);
                } else {
                    drop_value(event);
                }
            }
            Some(Err(failure)) => dispatcher.emit_decode_failed(PusherDecodeFailed {
                kind: origin.kind.clone(),
                type_name: type_name::<E::Data>(),
                failure: *failure,
            }),
            None => {}
        }
    }

    fn write_messages(&mut self, world: &mut World) {
        write_messages(&mut self.delivered, world);
    }

    fn drop_excess_messages(&self, world: &mut World, limit: usize, losses: &mut Losses) {
        drop_excess_events::<E>(world, limit, losses);
    }
}

fn decode<T: DeserializeOwned>(data: &EventData<'_>) -> Result<T, Box<DecodeFailure>> {
    // Decoders are user code, and a panic must not stop the network thread.
    let decoded = catch_unwind(AssertUnwindSafe(|| {
        // Tracking the path takes time, so only a payload that failed is decoded again with it.
        data.parse::<T>()
            .or_else(|_| decode_with_path(data))
            .or_else(|error| decode_text(data).ok_or(error))
    }));
    let (path, reason) = match decoded {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => (error.path().to_string(), error.inner().to_string()),
        Err(panic) => (".".to_owned(), panic_message(&*panic)),
    };
    Err(Box::new(DecodeFailure {
        path,
        reason,
        raw: RawData::from(data),
    }))
}

fn decode_with_path<T: DeserializeOwned>(
    data: &EventData<'_>,
) -> Result<T, serde_path_to_error::Error<serde_json::Error>> {
    let json = match data {
        EventData::Absent => "null",
        EventData::Text(text) | EventData::Json(text) => text,
    };
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut deserializer, &mut track);
    match T::deserialize(tracked).and_then(|value| deserializer.end().map(|()| value)) {
        Ok(value) => Ok(value),
        Err(error) => Err(serde_path_to_error::Error::new(track.path(), error)),
    }
}

/// Decodes a text that is not JSON as a string: servers send `yes` for `"yes"`.
fn decode_text<T: DeserializeOwned>(data: &EventData<'_>) -> Option<T> {
    let EventData::Text(text) = data else {
        return None;
    };
    if serde_json::from_str::<IgnoredAny>(text).is_ok() {
        return None;
    }
    let text: StrDeserializer<'_, serde_json::Error> = text.as_ref().into_deserializer();
    T::deserialize(text).ok()
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    match message {
        Some(message) => format!("the decoder panicked: {message}"),
        None => "the decoder panicked".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only decoded")]
    struct Line {
        points: Vec<Point>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only decoded")]
    struct Point {
        x: f32,
    }

    fn text(json: &str) -> EventData<'_> {
        EventData::Text(Cow::Borrowed(json))
    }

    #[test]
    fn decode_failure_has_path_reason_and_payload() {
        for (json, path, reason) in [
            (
                r#"{"points":[{"x":1},{"x":"east"}]}"#,
                "points[1].x",
                "expected f32",
            ),
            (r#"{"points":[]} and more"#, ".", "trailing characters"),
            ("yes", ".", "expected value"),
        ] {
            let failure = decode::<Line>(&text(json)).unwrap_err();
            assert_eq!(failure.path, path);
            assert!(failure.reason.contains(reason), "{failure:?}");
            assert_eq!(failure.raw.as_str(), json);
        }
    }

    #[test]
    fn text_that_is_not_json_is_a_string() {
        let decoded = |json| decode::<String>(&text(json)).ok();
        assert_eq!(decoded("yes").as_deref(), Some("yes"));
        assert_eq!(decoded(r#""yes""#).as_deref(), Some("yes"));
        assert_eq!(decoded("[1]"), None);
    }

    #[test]
    fn absent_data_is_null() {
        assert_eq!(decode::<()>(&EventData::Absent).ok(), Some(()));
        let null = decode::<Option<u8>>(&EventData::Absent).ok();
        assert_eq!(null, Some(None));
        assert!(decode::<u8>(&EventData::Absent).is_err());
    }
}
