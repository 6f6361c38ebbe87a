//! [`RawData`]: an undecoded payload.

use std::{fmt, sync::Arc};

use pusher_protocol::protocol::EventData;
use serde::de::DeserializeOwned;

/// The undecoded payload of an event. Cheap to clone.
///
/// By convention, servers send a JSON string that contains JSON. Some send another JSON value, a string that is not JSON, or no payload.
/// All of these are kept as they are, and none of them is an error.
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
    /// Returns the payload as text: the content of the JSON string, the source of another JSON value, or an empty string if there is no
    /// payload.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Shape::Absent => "",
            Shape::Text(text) | Shape::Json(text) => text,
        }
    }

    /// Decodes the payload as JSON. An absent payload decodes as `null`.
    ///
    /// # Errors
    /// Returns an error if it is not JSON of this type. A payload that is plain text is not JSON; [`as_str`](Self::as_str) returns it.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(match &self.0 {
            Shape::Absent => "null",
            Shape::Text(text) | Shape::Json(text) => text,
        })
    }

    /// Whether the event has no payload, not even an empty one.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self.0, Shape::Absent)
    }

    /// Whether the payload was sent as a JSON string, as Pusher's servers do, and not as another JSON value.
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
