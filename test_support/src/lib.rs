//! The peers that the tests of `bevy_pusher` talk to. For tests only.
//!
//! | peer | what it is |
//! |---|---|
//! | [`ScriptedServer`] | a WebSocket server that sends exactly what a test says and misbehaves on command |
//! | [`FaultProxy`] | the bad network between a client and a server: slow, in pieces, cut, reset, gone |
//! | [`ConnectProxy`] | an HTTP proxy that makes tunnels, or refuses, or says nothing |
//! | [`BlackHole`] | an address at which a TCP connection is never made |
//! | [`ScriptedAuth`] | an HTTP endpoint that answers what a test says, however wrong |
//! | [`Sockudo`] | a real server of the protocol, started for one test |
//! | [`PusherJs`] | the reference client, as a second, foreign user |
//!
//! [`TestAuthority`] makes certificates for all of them, [`update_until`] drives a Bevy app until something is so.
//!
//! All of them live on loopback and on ports that the system chose, share no code with the client, and wait
//! with a deadline only: when it passes, the test fails with a sentence that says what was waited for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is a failed test"
)]

mod app;
mod authority;
mod black_hole;
mod connect_proxy;
mod fault_proxy;
mod form;
mod http;
mod listener;
mod pusher_js;
mod scratch;
mod scripted_auth;
mod scripted_server;
mod signing;
mod sockudo;
mod watched;
mod wire;

pub use app::update_until;
pub use authority::{TestAuthority, TestCertificate};
pub use black_hole::BlackHole;
pub use connect_proxy::ConnectProxy;
pub use fault_proxy::{Fault, FaultProxy};
pub use http::{Answer, HttpRequest};
pub use pusher_js::{PusherJs, PusherJsOptions};
pub use scratch::ScratchFolder;
pub use scripted_auth::ScriptedAuth;
pub use scripted_server::{
    ClientFrame, CloseSeen, PendingConnection, Received, ScriptedConnection, ScriptedServer,
    ScriptedServerBuilder, UpgradeRequest, polite,
};
pub use signing::{AppCredentials, SigningAuth};
pub use sockudo::{Sockudo, SockudoOptions};
pub use wire::Ended;
