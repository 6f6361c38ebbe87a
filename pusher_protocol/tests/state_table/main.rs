//! State tables of a session: the effect of each command and input in each state. Every cell is tested. After each one the
//! invariants hold, and the session recovers to an open connection with its channels.
//!
//! A row starts with the stimulus. Below it are the states and the outputs, in order; `-` for none. States that are not listed
//! do not change.
#![cfg(feature = "encrypted")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub,
    reason = "test code"
)]

mod channel;
mod connection;
mod encrypted;
mod scene;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod user;
