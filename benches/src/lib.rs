//! What the benches of `bevy_pusher` share: a server that sends as fast as a socket takes it, a game that listens, what one
//! would use instead, and clocks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench that meets what it did not expect has nothing to measure"
)]

#[cfg(feature = "aeronet")]
pub mod aeronet;
pub mod bare_bevy;
pub mod clocks;
pub mod firehose;
pub mod frames;
pub mod game;
pub mod given_server;
pub mod one_thread;
pub mod pusher_js;
pub mod statistics;
