//! What the plugin promises when everything goes wrong: the network, the game's own code, the frame, the end.
//! `docs/reliability.md` lists the promises with what was measured.
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
        reason = "what counts threads, files, memory or processor time is for Linux alone"
    )
)]

#[path = "../support/play.rs"]
mod play;
#[path = "../support/mod.rs"]
mod support;

mod ending;
mod frame;
mod game_code;
mod network;
mod process;
mod records;
mod secrets;
mod soak;

use std::time::{Duration, Instant};

use bevy::prelude::*;
use bevy_pusher::{
    auth::{ChannelAuthorization, authorize_with},
    config::*,
    prelude::*,
};
use play::*;
use pusher_test_support::{ScriptedConnection, ScriptedServer};
use serde_json::json;
use support::SOON;
