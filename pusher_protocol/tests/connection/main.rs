//! How a session connects, detects a dead connection, and reconnects.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

#[path = "../support/mod.rs"]
mod support;

mod codes;
mod connecting;
mod dialling;
mod heartbeat;
mod received;
mod reconnecting;

use std::time::Duration;

use pusher_protocol::{
    config::{EndpointError, ReconnectPolicy, Timing},
    session::{
        Command, ConnectionError, ConnectionState, DialPhase, Hint, Input, Notice, Now,
        PusherError, SessionConfig,
    },
};
use serde_json::json;
use support::*;

fn is_waiting(state: &ConnectionState) -> bool {
    matches!(state, ConnectionState::Waiting { .. })
}

fn refuse_dial(client: &mut Client) -> Vec<TestOutput> {
    let dial = client.dial.unwrap();
    client.input(Input::DialFailed(
        dial,
        ConnectionError::Tcp {
            host: "localhost".into(),
            port: 1,
            reason: "connection refused".into(),
        },
    ))
}
