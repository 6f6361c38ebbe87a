//! Tests of the plugin in a real browser, against real servers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is a failed test"
)]

mod authorization;
mod channels;
mod closing;
mod connection_loss;
mod page;
mod several_clients;
mod timers;

use pusher_dev_server::{DevServer, DevServerConfig};

fn dev_server() -> DevServer {
    DevServer::start(DevServerConfig::default()).expect("a free port")
}
