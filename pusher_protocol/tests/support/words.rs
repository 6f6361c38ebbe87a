//! What a session did, in a few words, so that tables of it can be read.

use pusher_protocol::{
    protocol::EventData,
    session::{
        ConnectionState, EventTarget, Notice, PusherError, ReceivedEvent, SendOutcome, SignInState,
        SubscriptionStatus,
    },
};
use serde_json::Value;

use super::Seen;

/// All of it, in its order; `-` if there is nothing.
pub fn words(event: Option<&ReceivedEvent<'_>>, seen: &[Seen]) -> String {
    let all: Vec<String> = event
        .map(event_in_words)
        .into_iter()
        .chain(seen.iter().map(in_words))
        .collect();
    if all.is_empty() {
        "-".into()
    } else {
        all.join(", ")
    }
}

fn in_words(seen: &Seen) -> String {
    match seen {
        Seen::Dial(_) => "dial".into(),
        Seen::CancelDial(_) => "cancel the dial".into(),
        Seen::Frame(frame) => frame_in_words(frame),
        Seen::Close => "close".into(),
        Seen::Abandon => "abandon".into(),
        Seen::Authorize(_, channel, _) => format!("authorize {channel}"),
        Seen::Authenticate(..) => "authenticate".into(),
        Seen::CancelRequest(_) => "take the question back".into(),
        Seen::Notice(notice) => notice_in_words(notice),
    }
}

fn frame_in_words(frame: &Value) -> String {
    let event = frame["event"].as_str().unwrap_or_default();
    let channel = frame["channel"]
        .as_str()
        .or_else(|| frame["data"]["channel"].as_str());
    let event = event.strip_prefix("pusher:").unwrap_or(event);
    match channel {
        Some(channel) => format!("{event} {channel}"),
        None => event.into(),
    }
}

fn notice_in_words(notice: &Notice) -> String {
    match notice {
        Notice::State(state) => state_in_words(state),
        Notice::Error { error, .. } => format!("error {}", error_in_words(error)),
        Notice::Subscription {
            channel, status, ..
        } => match status {
            SubscriptionStatus::Failed(error) => format!("{channel} Failed {}", variant(error)),
            status => format!("{channel} {}", variant(status)),
        },
        Notice::Members { roster, .. } => format!("{} members", roster.len()),
        Notice::MemberJoined(change) => format!("{} joined", change.member.id()),
        Notice::MemberLeft(change) => format!("{} left", change.member.id()),
        Notice::SubscriptionCount { count, .. } => format!("count {count}"),
        Notice::CacheMissed(_) => "cache missed".into(),
        Notice::SendAnswered { outcome, .. } => match outcome {
            SendOutcome::Rejected(error) => format!("rejected {}", variant(error)),
            outcome => variant(outcome),
        },
        Notice::SignIn(SignInState::Failed(error)) => format!("SignIn failed {}", variant(error)),
        Notice::SignIn(SignInState::SignedIn { id, .. }) => format!("SignedIn {id}"),
        Notice::SignIn(state) => variant(state),
        Notice::Watchlist { event, user_ids } => format!("{event}: {}", user_ids.join(" ")),
        Notice::RoundTrip(_) => "round trip".into(),
        Notice::Event(event) => format!("late {}", event_in_words(event)),
    }
}

fn state_in_words(state: &ConnectionState) -> String {
    match state {
        ConnectionState::Connecting { attempt } => format!("Connecting {attempt}"),
        state => variant(state),
    }
}

fn error_in_words(error: &PusherError) -> String {
    let name = match error {
        PusherError::Connection(error) => variant(error),
        PusherError::Authorization { channel, .. } => format!("Authorization {channel}"),
        error => variant(error),
    };
    match error.code() {
        Some(code) => format!("{name} {code}"),
        None => name,
    }
}

fn event_in_words(event: &ReceivedEvent<'_>) -> String {
    let target = match &event.target {
        EventTarget::Channel(channel) => format!(" on {channel}"),
        EventTarget::User => " to the user".into(),
        EventTarget::Connection => String::new(),
    };
    let sender = event.user_id.as_deref();
    let sender = sender.map(|id| format!(" from {id}")).unwrap_or_default();
    let data = match &event.data {
        EventData::Absent => String::new(),
        data => format!(" {}", data.as_str()),
    };
    format!("event {}{target}{sender}{data}", event.event)
}

/// The name of an enum's variant.
fn variant(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    let end = text.find(|c: char| !c.is_alphanumeric());
    text[..end.unwrap_or(text.len())].into()
}
