//! Frames from the server and to the server.

use std::borrow::Cow;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, value::RawValue};

use crate::protocol::{
    ChannelName, Extras,
    envelope::{Envelope, Text},
    fast_path,
    redaction::redacted_excerpt,
    user_id::UserId,
};

/// A parsed text frame from the server: one JSON object with an `event`.
#[derive(Debug, PartialEq, Eq)]
pub struct ServerFrame<'a> {
    /// The event's name.
    pub event: Cow<'a, str>,
    /// The channel's name, if the frame has one.
    pub channel: Option<Cow<'a, str>>,
    /// The payload.
    pub data: EventData<'a>,
    /// The sender of a client event on a presence channel, verified by the server.
    pub user_id: Option<Cow<'a, str>>,
    /// All other keys, in the order of the frame.
    pub extras: Extras<'a>,
}

impl<'a> ServerFrame<'a> {
    /// Parses a text frame.
    ///
    /// # Errors
    ///
    /// Fails if the text is not one JSON object with an `event`, or if a key of the protocol is duplicated.
    pub fn parse(text: &'a str) -> Result<Self, FrameError> {
        match fast_path::parse(text) {
            Some(frame) => Ok(frame),
            None => Self::parse_any(text),
        }
    }

    /// Parses a text frame in any JSON form.
    fn parse_any(text: &'a str) -> Result<Self, FrameError> {
        let envelope: Envelope<'a> = serde_json::from_str(text).map_err(|error| FrameError {
            // The message of serde_json quotes strings of the frame at any length.
            reason: redacted_excerpt(&error.to_string()),
        })?;
        // Without a user, servers omit the key or send null or an empty string.
        let user_id = envelope
            .user_id
            .and_then(|raw| UserId::parse(raw.get()))
            .filter(|id| !id.is_empty());
        Ok(Self {
            event: envelope.event,
            channel: envelope.channel,
            data: EventData::of(envelope.data.map(RawValue::get)),
            user_id,
            extras: envelope.extras,
        })
    }
}

/// A frame that is not one JSON object with an `event`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a Pusher message: {reason}")]
pub struct FrameError {
    reason: String,
}

impl FrameError {
    pub(crate) fn binary() -> Self {
        Self {
            reason: "a binary message".into(),
        }
    }
}

/// The `data` of an event. Servers send a JSON string that contains JSON, or another JSON value, or nothing; this type keeps
/// the difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventData<'a> {
    /// The frame has no `data`.
    Absent,
    /// `data` is a JSON string: its content, unescaped. By convention the content is JSON, but it may be any text.
    Text(Cow<'a, str>),
    /// `data` is another JSON value: its source text.
    Json(Cow<'a, str>),
}

impl<'a> EventData<'a> {
    pub(super) fn of(raw: Option<&'a str>) -> Self {
        let Some(raw) = raw else { return Self::Absent };
        if !raw.starts_with('"') {
            return Self::Json(Cow::Borrowed(raw));
        }
        match serde_json::from_str::<Text<'a>>(raw) {
            Ok(text) => Self::Text(text.0),
            // A string with half a surrogate pair is valid JSON but not Unicode: its source text is kept.
            Err(_) => Self::Json(Cow::Borrowed(raw)),
        }
    }

    /// Returns the payload as text: the string's content, the JSON value's source text, or an empty string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Absent => "",
            Self::Text(text) | Self::Json(text) => text,
        }
    }

    /// Deserializes the payload: the JSON in the string, or the value itself. Absent data deserializes as `null`.
    ///
    /// # Errors
    ///
    /// Fails if the payload is not JSON or does not match `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        match self {
            Self::Absent => serde_json::from_str("null"),
            Self::Text(text) | Self::Json(text) => serde_json::from_str(text),
        }
    }

    /// Returns the payload as a JSON object; an empty one if it is anything else. For messages whose fields may be missing.
    pub(crate) fn fields(&self) -> Map<String, Value> {
        match self.parse() {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        }
    }

    /// Converts into an owned string.
    #[must_use]
    pub fn into_owned(self) -> EventData<'static> {
        match self {
            Self::Absent => EventData::Absent,
            Self::Text(text) => EventData::Text(Cow::Owned(text.into_owned())),
            Self::Json(text) => EventData::Json(Cow::Owned(text.into_owned())),
        }
    }
}

/// A message to the server.
#[derive(Clone, Copy)]
pub(crate) enum ClientFrame<'a> {
    Ping,
    Pong,
    Subscribe {
        channel: &'a ChannelName,
        auth: Option<&'a str>,
        channel_data: Option<&'a str>,
        /// Fields that Pusher does not define, for servers with extensions.
        extra: Option<&'a Map<String, Value>>,
    },
    Unsubscribe {
        channel: &'a ChannelName,
    },
    SignIn {
        auth: &'a str,
        user_data: &'a str,
    },
    ClientEvent {
        channel: &'a ChannelName,
        event: &'a str,
        data: &'a RawValue,
    },
}

impl ClientFrame<'_> {
    /// Encodes the frame. `data` is a JSON object in messages of the protocol, and the JSON value itself in client events: all
    /// known servers accept both, and Reverb rejects strings that are not JSON.
    pub(crate) fn encode(&self) -> String {
        #[derive(Serialize)]
        struct Empty {}

        #[derive(Serialize)]
        struct Message<'a, D> {
            event: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            channel: Option<&'a str>,
            data: D,
        }

        #[derive(Serialize)]
        struct Subscription<'a> {
            channel: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            auth: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            channel_data: Option<&'a str>,
            #[serde(flatten)]
            extra: Option<&'a Map<String, Value>>,
        }

        #[derive(Serialize)]
        struct SignIn<'a> {
            auth: &'a str,
            user_data: &'a str,
        }

        fn text<D: Serialize>(event: &str, channel: Option<&str>, data: D) -> String {
            // Serializing strings and validated JSON into memory cannot fail.
            serde_json::to_string(&Message {
                event,
                channel,
                data,
            })
            .unwrap_or_default()
        }

        match *self {
            Self::Ping => text("pusher:ping", None, Empty {}),
            Self::Pong => text("pusher:pong", None, Empty {}),
            Self::Subscribe {
                channel,
                auth,
                channel_data,
                extra,
            } => text(
                "pusher:subscribe",
                None,
                Subscription {
                    channel,
                    auth,
                    channel_data,
                    extra,
                },
            ),
            Self::Unsubscribe { channel } => text(
                "pusher:unsubscribe",
                None,
                Subscription {
                    channel,
                    auth: None,
                    channel_data: None,
                    extra: None,
                },
            ),
            Self::SignIn { auth, user_data } => {
                text("pusher:signin", None, SignIn { auth, user_data })
            }
            Self::ClientEvent {
                channel,
                event,
                data,
            } => text(event, Some(channel), data),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{NameRules, fast_path};

    fn data(frame: &str) -> EventData<'_> {
        ServerFrame::parse(frame).unwrap().data
    }

    #[test]
    fn the_fast_path_agrees_with_serde() {
        let frames = [
            r#"{"event":"e"}"#,
            r#"{"event":"e","channel":"c","data":"{\"a\":[1,\"\\\"x\\\"\"]}"}"#,
            r#"{"data":"\/\b\f\n\r\t\\\"","event":"é","channel":"☕","user_id":"u1"}"#,
            r#"{"event":"e","channel":"c","data":"","user_id":""}"#,
            r#"{"event":"e","data":"\u00eb","user_id":"\n"}"#,
            r#"{"event":"e","data":{"a":1},"user_id":7}"#,
        ];
        let mut by_the_quick_way = 0;
        for frame in frames {
            // Each frame with one byte removed, or replaced by a character that has a meaning.
            let variants = (0..frame.len()).flat_map(|at| {
                ["", "\"", "\\", "}", ",", ":", "\n", "e"].map(|other| {
                    let mut variant = frame.as_bytes().to_vec();
                    variant.splice(at..=at, other.bytes());
                    String::from_utf8(variant)
                })
            });
            for variant in variants.flatten().chain([frame.to_owned()]) {
                let slow = ServerFrame::parse_any(&variant);
                if let Some(quick) = fast_path::parse(&variant) {
                    assert_eq!(slow.as_ref(), Ok(&quick), "{variant}");
                    by_the_quick_way += 1;
                }
            }
        }
        assert!(by_the_quick_way > 200, "{by_the_quick_way}");
    }

    #[test]
    fn data_may_be_a_string_a_value_or_absent() {
        let text = |text: &'static str| EventData::Text(Cow::Borrowed(text));
        let json = |text: &'static str| EventData::Json(Cow::Borrowed(text));
        for (frame, expected) in [
            (r#"{"event":"e"}"#, EventData::Absent),
            (r#"{"event":"e","data":null}"#, json("null")),
            (r#"{"event":"e","data":"{\"a\":1}"}"#, text(r#"{"a":1}"#)),
            (r#"{"event":"e","data":{"a":1}}"#, json(r#"{"a":1}"#)),
            (r#"{"event":"e","data":"plain"}"#, text("plain")),
            (r#"{"event":"e","data":"123"}"#, text("123")),
            (r#"{"event":"e","data":"null"}"#, text("null")),
            (r#"{"event":"e","data":""}"#, text("")),
            (r#"{"event":"e","data":"Zo\u00eb ☕"}"#, text("Zoë ☕")),
            (
                r#"{"event":"e","data":9007199254740993}"#,
                json("9007199254740993"),
            ),
            (r#"{"event":"e","data":[1,2]}"#, json("[1,2]")),
            (r#"{"event":"e","data":"\ud800"}"#, json(r#""\ud800""#)),
        ] {
            assert_eq!(data(frame), expected, "{frame}");
        }
    }

    #[test]
    fn large_numbers_in_data_keep_every_digit() {
        let parsed: u64 = data(r#"{"event":"e","data":"9007199254740993"}"#)
            .parse()
            .unwrap();
        assert_eq!(parsed, 9_007_199_254_740_993);
    }

    #[test]
    fn a_frame_without_an_event_is_an_error() {
        for bad in [
            "",
            "null",
            "[]",
            r#"["e"]"#,
            "{}",
            "hello",
            r#"{"event":5}"#,
            r#"{"event":null}"#,
            r#"{"event":"a","event":"b"}"#,
            r#"{"event":"a","data":1,"data":2}"#,
            r#"{"event":"a","channel":5}"#,
        ] {
            assert!(ServerFrame::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn unknown_keys_of_a_frame_are_kept() {
        let text = r#"{"serial":7,"event":"e","tags":{"a":"b"},"channel":null,"message_id":"x\u00e9","n":null}"#;
        let frame = ServerFrame::parse(text).unwrap();
        assert_eq!((&*frame.event, frame.channel), ("e", None));
        let extras: Vec<(&str, &EventData<'_>)> = frame
            .extras
            .iter()
            .map(|extra| (&*extra.key, &extra.value))
            .collect();
        let json = |text| EventData::Json(Cow::Borrowed(text));
        assert_eq!(
            extras,
            [
                ("serial", &json("7")),
                ("tags", &json(r#"{"a":"b"}"#)),
                ("message_id", &EventData::Text(Cow::Borrowed("xé"))),
                ("n", &json("null")),
            ]
        );
        let plain = ServerFrame::parse(r#"{"event":"e","data":1,"user_id":"u"}"#).unwrap();
        assert_eq!(plain.extras, Extras::default());
    }

    #[test]
    fn deep_nesting_is_parsed_without_recursion() {
        let deep = format!(
            r#"{{"event":"e","data":{}{}}}"#,
            "[".repeat(10_000),
            "]".repeat(10_000)
        );
        let frame = ServerFrame::parse(&deep).unwrap();
        assert_eq!(frame.data.as_str().len(), 20_000);
        assert!(frame.data.parse::<Value>().is_err());
    }

    #[test]
    fn user_ids_are_strings_or_numbers_and_not_empty() {
        let id = |frame: &str| {
            ServerFrame::parse(frame)
                .unwrap()
                .user_id
                .map(Cow::into_owned)
        };
        assert_eq!(id(r#"{"event":"e","user_id":"u1"}"#).as_deref(), Some("u1"));
        assert_eq!(id(r#"{"event":"e","user_id":7}"#).as_deref(), Some("7"));
        assert_eq!(id(r#"{"event":"e","user_id":""}"#), None);
        assert_eq!(id(r#"{"event":"e","user_id":null}"#), None);
    }

    #[test]
    fn client_frames_match_the_protocol() {
        let channel = ChannelName::new("presence-foo", NameRules::Strict).unwrap();
        let raw: Box<RawValue> = RawValue::from_string(r#"{"x":1}"#.into()).unwrap();
        for (frame, expected) in [
            (ClientFrame::Ping, r#"{"event":"pusher:ping","data":{}}"#),
            (ClientFrame::Pong, r#"{"event":"pusher:pong","data":{}}"#),
            (
                ClientFrame::Subscribe {
                    channel: &channel,
                    auth: Some("k:s"),
                    channel_data: Some(r#"{"user_id": 7}"#),
                    extra: None,
                },
                r#"{"event":"pusher:subscribe","data":{"channel":"presence-foo","auth":"k:s","channel_data":"{\"user_id\": 7}"}}"#,
            ),
            (
                ClientFrame::Unsubscribe { channel: &channel },
                r#"{"event":"pusher:unsubscribe","data":{"channel":"presence-foo"}}"#,
            ),
            (
                ClientFrame::ClientEvent {
                    channel: &channel,
                    event: "client-move",
                    data: &raw,
                },
                r#"{"event":"client-move","channel":"presence-foo","data":{"x":1}}"#,
            ),
        ] {
            assert_eq!(frame.encode(), expected);
        }
    }
}
