//! The peers of the tests of `bevy_pusher`: servers, proxies and clients. For tests only.
//!
//! | peer | description |
//! |---|---|
//! | [`ScriptedServer`] | a WebSocket server that sends exactly the frames of a test and misbehaves on command |
//! | [`FaultProxy`] | a bad network between a client and a server: delays, small pieces, breaks, resets, a lost route |
//! | [`ConnectProxy`] | an HTTP proxy that opens tunnels, refuses them, or never responds |
//! | [`BlackHole`] | an address on which TCP connections neither succeed nor fail |
//! | [`ScriptedAuth`] | an HTTP endpoint that sends the responses of a test, valid or malformed |
//! | [`SigningAuth`] | an HTTP endpoint that authorizes as a game's backend does |
//! | [`Sockudo`] | a real server of the protocol, started for one test |
//! | [`PusherJs`] | the reference client, as another user |
//!
//! [`TestAuthority`] signs certificates for all of them, [`update_until`] updates a Bevy app until a condition holds, and
//! [`JsonProcess`] drives a program that prints JSON lines.
//!
//! All of them stay on loopback and use ports that the system assigns. Each wait has a deadline, after which the test fails with a
//! message that names what it waited for.
//!
//! They share no code with the client, so the same bug cannot hide on both sides. The only exception are signatures: they come from
//! [`pusher_protocol::server`], which the client uses too with the feature `local-auth`. Independent implementations check these
//! signatures: the test vectors of Pusher's documentation, Sockudo, `pusher_dev_server` and the npm library `pusher`.
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
    ScriptedServerBuilder, standard_reply,
};
pub use server_socket::{Ended, ServerSocket};
pub use signing_auth::SigningAuth;
pub use sockudo::{Sockudo, SockudoOptions};
