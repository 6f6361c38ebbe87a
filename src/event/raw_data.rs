use std::{fmt, sync::Arc};

use pusher_protocol::protocol::EventData;
use serde::de::DeserializeOwned;

/// An event's payload as it came, undecoded. Cheap to clone.
///
/// Servers send a JSON text that by convention holds JSON again, or any other JSON value, or nothing at all. None of that
/// is lost here, and none of it is taken for an error.
///
/// ```
/// # use bevy_pusher::RawData;
/// # fn show(data: &RawData) {
/// match data.parse::<serde_json::Value>() {
///     Ok(json) => println!("{json:#}"),
///     Err(_) => println!("some text: {}", data.as_str()),
/// }
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RawData(Shape);

#[derive(Clone, PartialEq, Eq)]
enum Shape {
    Absent,
    Text(Arc<str>),
    Json(Arc<str>),
}

impl RawData {
    /// The payload as text: what the JSON text says, or the JSON value's source, or nothing.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Shape::Absent => "",
            Shape::Text(text) | Shape::Json(text) => text,
        }
    }

    /// Decodes the payload as JSON: the one in the text, or the value itself. Absent data decodes as `null`.
    ///
    /// For a payload that is plain text and no JSON, this is an error, and [`as_str`](Self::as_str) is the text.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(match &self.0 {
            Shape::Absent => "null",
            Shape::Text(text) | Shape::Json(text) => text,
        })
    }

    /// Whether the event has no payload at all, not even an empty one.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self.0, Shape::Absent)
    }

    /// Whether the payload came as a JSON text, as Pusher's own servers send it, and not as another JSON value.
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(self.0, Shape::Text(_))
    }
}

impl From<&EventData<'_>> for RawData {
    fn from(data: &EventData<'_>) -> Self {
        Self(match data {
            EventData::Absent => Shape::Absent,
            EventData::Text(text) => Shape::Text((&**text).into()),
            EventData::Json(json) => Shape::Json((&**json).into()),
        })
    }
}

impl fmt::Debug for RawData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Shape::Absent => f.write_str("(absent)"),
            Shape::Text(text) => fmt::Debug::fmt(text, f),
            Shape::Json(json) => f.write_str(json),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn every_shape_of_data_is_readable() {
        let text = |text| EventData::Text(Cow::Borrowed(text));
        let json = |json| EventData::Json(Cow::Borrowed(json));
        for (data, as_str, value) in [
            (EventData::Absent, "", Some(Value::Null)),
            (text(r#"{"x":1}"#), r#"{"x":1}"#, Some(json!({"x": 1}))),
            (text("hello"), "hello", None),
            (text(""), "", None),
            (json("null"), "null", Some(Value::Null)),
            (json("[1]"), "[1]", Some(json!([1]))),
            (json("7"), "7", Some(json!(7))),
        ] {
            let raw = RawData::from(&data);
            assert_eq!(raw.as_str(), as_str);
            assert_eq!(raw.parse::<Value>().ok(), value, "{data:?}");
            assert_eq!(raw.is_absent(), data == EventData::Absent);
        }
    }
}
