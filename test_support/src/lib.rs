//! The peers that the tests of `bevy_pusher` talk to. For tests only.
//!
//! | peer | what it is |
//! |---|---|
//! | [`ScriptedServer`] | a WebSocket server that sends exactly what a test says and misbehaves on command |
//! | [`FaultProxy`] | the bad network between a client and a server: slow, in pieces, cut, reset, gone |
//! | [`ConnectProxy`] | an HTTP proxy that opens tunnels, or refuses, or does not answer |
//! | [`BlackHole`] | an address at which a TCP connection is never made |
//! | [`ScriptedAuth`] | an HTTP endpoint that answers what a test says, however wrong |
//! | [`SigningAuth`] | an HTTP endpoint that authorizes as a game's backend does |
//! | [`Sockudo`] | a real server of the protocol, started for one test |
//! | [`PusherJs`] | the reference client, as another user |
//!
//! [`TestAuthority`] signs certificates for all of them, [`update_until`] updates a Bevy app until a condition holds, and
//! [`JsonProcess`] drives a program that prints JSON lines.
//!
//! All of them stay on loopback and use ports that the system chose. Each wait has a deadline: when it passes, the test fails with a
//! sentence that says what it waited for.
//!
//! They share no code with the client, so that a bug cannot hide on both sides, but for signatures: those come from
//! [`pusher_protocol::server`], which the client uses with the feature `local-auth`. What checks these signatures is independent of it:
//! the vectors of Pusher's documentation, Sockudo, `pusher_dev_server` (which has its own implementation) and the npm library
//! `pusher`.
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
mod credentials;
mod fault_proxy;
mod http;
mod json_process;
mod listener;
mod pusher_js;
mod scripted_auth;
mod scripted_server;
mod server_socket;
mod signing_auth;
mod sockudo;
mod watched;

pub use app::update_until;
pub use authority::{TestAuthority, TestCertificate};
pub use black_hole::BlackHole;
pub use connect_proxy::ConnectProxy;
pub use credentials::AppCredentials;
pub use fault_proxy::{Fault, FaultProxy};
pub use http::{Answer, HttpRequest};
pub use json_process::JsonProcess;
pub use listener::{Listener, SocketListener};
pub use pusher_js::{PusherJs, PusherJsOptions};
pub use scripted_auth::ScriptedAuth;
pub use scripted_server::{
    ClientFrame, CloseSeen, PendingConnection, Received, ScriptedConnection, ScriptedServer,
    ScriptedServerBuilder, polite,
};
pub use server_socket::{Ended, ServerSocket};
pub use signing_auth::SigningAuth;
pub use sockudo::{Sockudo, SockudoOptions};
