//! Tests of failures: a bad network, panicking user code, slow frames, shutdown in any phase, and secrets in logs.
//! `docs/reliability.md` lists these promises with the measured figures.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "test code: a failed expectation is a failed test, and figures are printed"
)]
#![cfg_attr(
    not(target_os = "linux"),
    allow(
        dead_code,
        unused_imports,
        reason = "the tests that count threads, files, memory or processor time run on Linux only"
    )
)]

#[path = "../support/harness.rs"]
mod harness;
#[path = "../support/mod.rs"]
mod support;

mod frame;
mod logs;
mod network;
mod process;
mod secrets;
mod shutdown;
mod soak;
mod user_code;

use std::time::{Duration, Instant};

use bevy::prelude::*;
use bevy_pusher::{
    auth::{ChannelAuthorization, authorize_with},
    config::*,
    prelude::*,
};
use harness::*;
use pusher_test_support::{ScriptedConnection, ScriptedServer};
use serde_json::json;
use support::TIMEOUT;
