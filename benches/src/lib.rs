//! Shared code of the benchmarks of `bevy_pusher`: a fast server, an app that receives, the alternatives to compare with, and
//! clocks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark panics if a step fails, since then there is nothing to measure"
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
