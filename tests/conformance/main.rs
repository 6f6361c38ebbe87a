//! What the protocol's servers may expect of the client, and what a game may expect whatever the server does: the whole
//! plugin over a real socket, against a server that says exactly what the test says.
//!
//! The numbers in the comments are those of the protocol reference: `11.24` is check 24 of its section 11.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is a failed test"
)]

#[path = "../support/play.rs"]
mod play;
#[path = "../support/mod.rs"]
mod support;

mod authorization;
mod bad_input;
mod client_events;
mod connection;
mod heartbeat;
mod presence;
mod subscriptions;

use std::time::Instant;

use bevy::prelude::*;
use bevy_pusher::{
    auth::{ChannelAuthorization, authorize_with},
    prelude::*,
};
use play::*;
use pusher_test_support::{ScriptedConnection, ScriptedServer};
use serde_json::{Value, json};
use support::SOON;

/// The request for a channel's events.
fn subscribe(channel: &str) -> Value {
    json!({"event": "pusher:subscribe", "data": {"channel": channel}})
}

fn unsubscribe(channel: &str) -> Value {
    json!({"event": "pusher:unsubscribe", "data": {"channel": channel}})
}
