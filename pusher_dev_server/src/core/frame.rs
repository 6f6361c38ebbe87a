//! Parses incoming frames and formats outgoing ones. No other module builds a frame.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::channel::Member;

/// A frame from a client. `data` keeps its bytes, because signatures cover them and relayed numbers must stay exact.
#[derive(Deserialize)]
pub(crate) struct Incoming<'a> {
    pub(crate) event: String,
    pub(crate) channel: Option<String>,
    #[serde(borrow)]
    pub(crate) data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(crate) struct Subscribe {
    pub(crate) channel: String,
    pub(crate) auth: Option<String>,
    pub(crate) channel_data: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Unsubscribe {
    pub(crate) channel: String,
}

#[derive(Deserialize)]
pub(crate) struct SignIn {
    pub(crate) auth: String,
    pub(crate) user_data: String,
}

#[derive(Serialize)]
struct Outgoing<'a, D> {
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    data: D,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
}

#[derive(Serialize)]
struct MemberAdded<'a> {
    user_id: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_info: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Roster<'a> {
    presence: Presence<'a>,
}

#[derive(Serialize)]
struct Presence<'a> {
    count: usize,
    ids: Vec<&'a RawValue>,
    hash: BTreeMap<&'a str, Option<&'a RawValue>>,
}

/// Serializes a type of this crate. None of these types can fail to serialize, so the fallback is never used.
pub(crate) fn encode(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| {
        r#"{"event":"pusher:error","data":{"code":null,"message":"The server could not write a frame"}}"#.to_owned()
    })
}

fn frame(event: &str, channel: Option<&str>, data: impl Serialize) -> String {
    encode(&Outgoing {
        event,
        channel,
        data,
        user_id: None,
    })
}

pub(crate) fn connection_established(socket_id: &str, activity_timeout: u64) -> String {
    #[derive(Serialize)]
    struct Data<'a> {
        socket_id: &'a str,
        activity_timeout: u64,
    }
    let data = encode(&Data {
        socket_id,
        activity_timeout,
    });
    frame("pusher:connection_established", None, data)
}

pub(crate) fn error(code: Option<u16>, message: &str) -> String {
    #[derive(Serialize)]
    struct Data<'a> {
        code: Option<u16>,
        message: &'a str,
    }
    frame("pusher:error", None, Data { code, message })
}

pub(crate) fn ping() -> String {
    frame("pusher:ping", None, Empty {})
}

pub(crate) fn pong() -> String {
    frame("pusher:pong", None, Empty {})
}

#[derive(Serialize)]
struct Empty {}

pub(crate) fn subscription_succeeded(channel: &str, members: Option<&[Member]>) -> String {
    let data = match members {
        Some(members) => encode(&Roster {
            presence: Presence {
                count: members.len(),
                ids: members.iter().map(|member| &*member.user_id).collect(),
                hash: members
                    .iter()
                    .map(|member| (member.key.as_str(), member.user_info.as_deref()))
                    .collect(),
            },
        }),
        None => "{}".to_owned(),
    };
    frame(
        "pusher_internal:subscription_succeeded",
        Some(channel),
        data,
    )
}

pub(crate) fn subscription_error(channel: &str, kind: &str, error: &str, status: u16) -> String {
    #[derive(Serialize)]
    struct Data<'a> {
        r#type: &'a str,
        error: &'a str,
        status: u16,
    }
    let data = Data {
        r#type: kind,
        error,
        status,
    };
    frame("pusher:subscription_error", Some(channel), data)
}

pub(crate) fn member_added(channel: &str, member: &Member) -> String {
    let data = encode(&MemberAdded {
        user_id: &member.user_id,
        user_info: member.user_info.as_deref(),
    });
    frame("pusher_internal:member_added", Some(channel), data)
}

pub(crate) fn member_removed(channel: &str, member: &Member) -> String {
    let data = encode(&MemberAdded {
        user_id: &member.user_id,
        user_info: None,
    });
    frame("pusher_internal:member_removed", Some(channel), data)
}

pub(crate) fn subscription_count(channel: &str, subscription_count: usize) -> String {
    #[derive(Serialize)]
    struct Data {
        subscription_count: usize,
    }
    let data = encode(&Data { subscription_count });
    frame("pusher_internal:subscription_count", Some(channel), data)
}

pub(crate) fn cache_miss(channel: &str) -> String {
    frame("pusher:cache_miss", Some(channel), "{}")
}

pub(crate) fn signin_success(user_data: &str) -> String {
    #[derive(Serialize)]
    struct Data<'a> {
        user_data: &'a str,
    }
    frame("pusher:signin_success", None, Data { user_data })
}

/// `events` are pairs of `online` or `offline` and user ids; pairs without ids are omitted.
pub(crate) fn watchlist_events(events: &[(&str, Vec<&str>)]) -> String {
    #[derive(Serialize)]
    struct Data<'a> {
        events: Vec<Change<'a>>,
    }
    #[derive(Serialize)]
    struct Change<'a> {
        name: &'a str,
        user_ids: &'a [&'a str],
    }
    let events = events
        .iter()
        .filter(|(_, user_ids)| !user_ids.is_empty())
        .map(|(name, user_ids)| Change { name, user_ids })
        .collect();
    frame("pusher_internal:watchlist_events", None, Data { events })
}

/// An event on a channel; `data` is the string from the publisher.
pub(crate) fn channel_event(
    channel: &str,
    event: &str,
    data: &str,
    user_id: Option<&str>,
) -> String {
    encode(&Outgoing {
        event,
        channel: Some(channel),
        data,
        user_id,
    })
}
