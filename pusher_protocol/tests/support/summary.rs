//! Short summaries of a session's outputs, for tables.

use pusher_protocol::{
    protocol::EventData,
    session::{
        ConnectionState, EventTarget, Notice, PusherError, ReceivedEvent, SendOutcome, SignInState,
        SubscriptionStatus,
    },
};
use serde_json::Value;

use super::TestOutput;

/// Summarizes all outputs, in order; `-` if there are none.
pub fn summarize(event: Option<&ReceivedEvent<'_>>, outputs: &[TestOutput]) -> String {
    let all: Vec<String> = event
        .map(summarize_event)
        .into_iter()
        .chain(outputs.iter().map(summarize_output))
        .collect();
    if all.is_empty() {
        "-".into()
    } else {
        all.join(", ")
    }
}

fn summarize_output(outputs: &TestOutput) -> String {
    match outputs {
        TestOutput::Dial(_) => "dial".into(),
        TestOutput::CancelDial(_) => "cancel the dial".into(),
        TestOutput::Frame(frame) => summarize_frame(frame),
        TestOutput::Close => "close".into(),
        TestOutput::Abandon => "abandon".into(),
        TestOutput::Authorize(_, channel, _) => format!("authorize {channel}"),
        TestOutput::Authenticate(..) => "authenticate".into(),
        TestOutput::CancelRequest(_) => "cancel the request".into(),
        TestOutput::Notice(notice) => summarize_notice(notice),
    }
}

fn summarize_frame(frame: &Value) -> String {
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

fn summarize_notice(notice: &Notice) -> String {
    match notice {
        Notice::State(state) => summarize_state(state),
        Notice::Error { error, .. } => format!("error {}", summarize_error(error)),
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
        Notice::Event(event) => format!("late {}", summarize_event(event)),
    }
}

fn summarize_state(state: &ConnectionState) -> String {
    match state {
        ConnectionState::Connecting { attempt } => format!("Connecting {attempt}"),
        state => variant(state),
    }
}

fn summarize_error(error: &PusherError) -> String {
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

fn summarize_event(event: &ReceivedEvent<'_>) -> String {
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

/// Returns the name of an enum's variant.
fn variant(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    let end = text.find(|c: char| !c.is_alphanumeric());
    text[..end.unwrap_or(text.len())].into()
}
