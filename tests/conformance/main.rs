//! Conformance tests: what the protocol requires of a client, and how the plugin behaves against a faulty server. They run the
//! whole plugin over a real socket against a scripted server.
//!
//! The numbers in the comments are those of the protocol reference: `11.24` is check 24 of its section 11.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is a failed test"
)]

#[path = "../support/harness.rs"]
mod harness;
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
use harness::*;
use pusher_test_support::{ScriptedConnection, ScriptedServer};
use serde_json::{Value, json};
use support::TIMEOUT;

/// The frame that requests a subscription.
fn subscribe(channel: &str) -> Value {
    json!({"event": "pusher:subscribe", "data": {"channel": channel}})
}

fn unsubscribe(channel: &str) -> Value {
    json!({"event": "pusher:unsubscribe", "data": {"channel": channel}})
}
