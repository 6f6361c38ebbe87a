//! What happens in each state of a session, whatever is asked of it and whatever comes: tables to read, of which each cell
//! is tried. Whatever the cell, what must always be true is, and the session finds its way back to a connection with its
//! channels.
//!
//! A row of a table begins with what happens. Below it stand the states in which it happens, and what comes of it, in order;
//! `-` for nothing. A state that is not named stays as it was.
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
