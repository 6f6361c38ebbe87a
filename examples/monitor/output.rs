//! Prints to standard output: JSON for scripts, short lines for people.

use std::{
    io::{IsTerminal, Write, stdout},
    time::Instant,
};

use bevy::prelude::*;
use serde_json::{Map, Value, json};

/// Prints one line per event.
#[derive(Resource)]
pub(crate) struct Output {
    json: bool,
    started: Instant,
}

impl Output {
    /// Prints JSON if requested, or if the output is not a terminal.
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json: json || !stdout().is_terminal(),
            started: Instant::now(),
        }
    }

    /// Prints a line of this type. Fields that are null are left out, except `data`.
    pub(crate) fn print(&self, kind: &str, fields: Value) {
        let t = (self.started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        let Value::Object(mut fields) = fields else {
            return;
        };
        fields.retain(|name, value| !value.is_null() || name == "data");
        let line = if self.json {
            as_json(kind, t, fields)
        } else {
            as_text(kind, t, &fields)
        };
        // If the reader has closed the pipe, the app keeps running: a script may still need its exit status.
        let _ = writeln!(stdout(), "{line}").and_then(|()| stdout().flush());
    }
}

fn as_json(kind: &str, t: f64, fields: Map<String, Value>) -> String {
    let mut object = Map::new();
    object.insert("type".into(), json!(kind));
    object.insert("t".into(), json!(t));
    object.extend(fields);
    Value::Object(object).to_string()
}

fn as_text(kind: &str, t: f64, fields: &Map<String, Value>) -> String {
    let colour = match kind {
        "connection" => 36,
        "subscription" => 34,
        "event" | "user_event" => 32,
        "error" => 31,
        _ => 33,
    };
    let mut line = format!("\u{1b}[90m{t:9.3}\u{1b}[0m \u{1b}[{colour}m{kind:<14}\u{1b}[0m");
    for (name, value) in fields {
        match value {
            Value::String(text) => line += &format!(" {name}={text}"),
            other => line += &format!(" {name}={other}"),
        }
    }
    line
}

/// Returns the data of an event: parsed if it is JSON, else as a string.
pub(crate) fn data(raw: &str) -> Value {
    if raw.is_empty() {
        return Value::Null;
    }
    serde_json::from_str(raw).unwrap_or_else(|_| Value::String(raw.to_owned()))
}
