use std::{
    any::{Any, type_name},
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
};

use bevy_ecs::prelude::*;
use pusher_protocol::protocol::EventData;
use serde::de::{DeserializeOwned, IgnoredAny, IntoDeserializer, value::StrDeserializer};

use crate::{
    delivery::{Deliverable, Delivery},
    event::{DecodeFailure, Losses, Origin, PusherDecodeFailed, RawData},
    user_code::drop_value,
};

/// Decoded payloads of one type, the oldest first: filled on the driver's thread, emptied by the frame.
pub(crate) trait Column: Any + Send + Sync {
    /// Decodes one payload, or notes why it could not be.
    fn decode(&mut self, data: &EventData<'_>);

    /// Moves all rows of another column of the same type behind the own.
    fn append(&mut self, other: &mut dyn Column);

    /// Drops the oldest rows.
    fn skip(&mut self, rows: usize);

    /// Hands the oldest row over as an event.
    fn deliver(&mut self, origin: Origin<'_>, delivery: &mut Delivery<'_>);

    /// Writes the messages of what was handed over.
    fn write_messages(&mut self, world: &mut World);

    /// Ages the messages of this type beyond `limit`, counting what is lost.
    fn age_messages(&self, world: &mut World, limit: usize, losses: &mut Losses);
}

/// The column of one kind of event.
pub(super) struct TypedColumn<E: Deliverable> {
    rows: VecDeque<Result<E::Data, Box<DecodeFailure>>>,
    /// Handed over to observers, but not written as messages yet. Only used on the frame's side.
    delivered: Vec<E>,
}

impl<E: Deliverable> Default for TypedColumn<E> {
    fn default() -> Self {
        Self {
            rows: VecDeque::new(),
            delivered: Vec::new(),
        }
    }
}

impl<E: Deliverable<Data: DeserializeOwned>> Column for TypedColumn<E> {
    fn decode(&mut self, data: &EventData<'_>) {
        self.rows.push_back(decode(data));
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

    fn deliver(&mut self, origin: Origin<'_>, delivery: &mut Delivery<'_>) {
        match self.rows.pop_front() {
            Some(Ok(data)) => {
                let mut event = E::new(origin, data);
                if event.deliver(origin.stream, delivery) {
                    self.delivered.push(event);
                } else {
                    drop_value(event);
                }
            }
            Some(Err(failure)) => delivery.tell_decode_failed(PusherDecodeFailed {
                stream: origin.stream.clone(),
                type_name: type_name::<E::Data>(),
                failure: *failure,
            }),
            None => {}
        }
    }

    fn write_messages(&mut self, world: &mut World) {
        write_messages(&mut self.delivered, world);
    }

    fn age_messages(&self, world: &mut World, limit: usize, losses: &mut Losses) {
        age_messages::<E>(world, limit, losses);
    }
}

/// Writes events as messages, all at once: looking up where messages go takes longer than writing one.
pub(crate) fn write_messages<M: Message>(delivered: &mut Vec<M>, world: &mut World) {
    if delivered.is_empty() {
        return;
    }
    match world.get_resource_mut::<Messages<M>>() {
        Some(mut messages) => {
            messages.write_batch(delivered.drain(..));
        }
        None => delivered.drain(..).for_each(drop_value),
    }
}

/// Keeps no more than `limit` messages. In a game whose virtual time runs, Bevy does so by itself long before.
pub(crate) fn age_messages<E: Deliverable>(world: &mut World, limit: usize, losses: &mut Losses) {
    let Some(mut messages) = world.get_resource_mut::<Messages<E>>() else {
        return;
    };
    // Messages lie in two halves, of which ageing drops the older.
    if messages.iter_current_update_messages().len() > limit / 2 {
        for event in messages.update_drain() {
            losses.add(event.audience(), 1);
            drop_value(event);
        }
    }
}

fn decode<T: DeserializeOwned>(data: &EventData<'_>) -> Result<T, Box<DecodeFailure>> {
    // Decoders are the game's code, and this is the network thread, which has to live on.
    let decoded = catch_unwind(AssertUnwindSafe(|| {
        // Keeping track of the path takes time, so it is done only for the payload that turns out to need it.
        data.parse::<T>()
            .or_else(|_| decode_with_path(data))
            .or_else(|error| decode_text(data).ok_or(error))
    }));
    let (path, reason) = match decoded {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => (error.path().to_string(), error.inner().to_string()),
        Err(panic) => (".".to_owned(), words_of(&*panic)),
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

/// A text that is no JSON is a string: servers write `"yes"` as `yes`.
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

fn words_of(panic: &(dyn Any + Send)) -> String {
    let words = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    match words {
        Some(words) => format!("the decoder panicked: {words}"),
        None => "the decoder panicked".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer};

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

    fn failure<T: DeserializeOwned + std::fmt::Debug>(json: &str) -> DecodeFailure {
        *decode::<T>(&EventData::Text(Cow::Borrowed(json))).unwrap_err()
    }

    #[test]
    fn a_failure_says_where_and_why_and_keeps_the_payload() {
        let json = r#"{"points":[{"x":1},{"x":"east"}]}"#;
        let failure = failure::<Line>(json);
        assert_eq!(failure.path, "points[1].x");
        assert!(failure.reason.contains("expected f32"), "{failure:?}");
        assert_eq!(failure.raw.as_str(), json);
    }

    #[test]
    fn text_after_the_value_is_a_failure() {
        let failure = failure::<Point>(r#"{"x":1} and more"#);
        assert!(
            failure.reason.contains("trailing characters"),
            "{failure:?}"
        );
    }

    #[test]
    fn text_that_is_no_json_is_a_string() {
        let decoded = |text| decode::<String>(&EventData::Text(Cow::Borrowed(text))).ok();
        assert_eq!(decoded("yes").as_deref(), Some("yes"));
        assert_eq!(decoded(r#""yes""#).as_deref(), Some("yes"));
        assert_eq!(decoded("[1]"), None);
        let failure = failure::<Line>("yes");
        assert!(failure.reason.contains("expected value"), "{failure:?}");
    }

    #[test]
    fn absent_data_is_null() {
        assert_eq!(decode::<()>(&EventData::Absent).ok(), Some(()));
        assert_eq!(
            decode::<Option<u8>>(&EventData::Absent).ok(),
            Some(None::<u8>)
        );
        assert!(decode::<u8>(&EventData::Absent).is_err());
    }

    #[test]
    #[cfg_attr(panic = "abort", ignore = "a panic ends the process")]
    fn a_panicking_decoder_is_a_failure() {
        #[derive(Debug)]
        struct Bomb;

        impl<'de> Deserialize<'de> for Bomb {
            fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
                panic!("boom")
            }
        }

        assert_eq!(failure::<Bomb>("1").reason, "the decoder panicked: boom");
    }
}
