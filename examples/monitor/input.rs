//! Commands from standard input, one per line.

use std::{
    io::BufRead,
    sync::mpsc::{Receiver, channel},
};

use serde_json::value::RawValue;

/// A command from the user or from a script.
pub(crate) enum Command {
    Subscribe(String),
    Unsubscribe(String),
    Trigger {
        channel: String,
        event: String,
        data: Box<RawValue>,
    },
    Connect,
    Disconnect,
    SignIn,
    SignOut,
    Quit,
    /// A line that is not a command, with the error message.
    Invalid(String),
}

impl Command {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (verb, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        let one_name = !rest.is_empty() && !rest.contains(char::is_whitespace);
        Some(match (verb, rest) {
            ("", _) => return None,
            ("subscribe", name) if one_name => Self::Subscribe(name.into()),
            ("unsubscribe", name) if one_name => Self::Unsubscribe(name.into()),
            ("trigger", rest) => Self::trigger(rest),
            ("connect", "") => Self::Connect,
            ("disconnect", "") => Self::Disconnect,
            ("sign-in", "") => Self::SignIn,
            ("sign-out", "") => Self::SignOut,
            ("quit", "") => Self::Quit,
            _ => Self::Invalid(format!(
                "unknown command {text:?}; expected one of: subscribe NAME, unsubscribe NAME, trigger CHANNEL EVENT JSON, \
                 connect, disconnect, sign-in, sign-out, quit"
            )),
        })
    }

    fn trigger(rest: &str) -> Self {
        let mut parts = rest.splitn(2, char::is_whitespace);
        let channel = parts.next().unwrap_or_default();
        let (event, data) = parts
            .next()
            .and_then(|rest| rest.trim_start().split_once(char::is_whitespace))
            .unwrap_or_default();
        if channel.is_empty() || event.is_empty() {
            return Self::Invalid("expected: trigger CHANNEL EVENT JSON".into());
        }
        match RawValue::from_string(data.trim().to_owned()) {
            Ok(data) => Self::Trigger {
                channel: channel.into(),
                event: event.into(),
                data,
            },
            Err(error) => Self::Invalid(format!("the data is not valid JSON: {error}")),
        }
    }
}

/// Reads commands on a thread of its own. The app keeps running when the input ends.
pub(crate) fn read_commands() -> Receiver<Command> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if let Some(line) = Command::parse(&line)
                && sender.send(line).is_err()
            {
                return;
            }
        }
    });
    receiver
}
