//! A small Pusher Channels server (protocol 7) for development and tests.
//!
//! Serves one app from memory: public, private, encrypted, presence and cache channels, client events, sign-in, watchlists, the
//! signed HTTP API of the official server libraries, and the two auth endpoints that the game's backend provides in production. These
//! endpoints **sign every request**, so the server is for a developer's machine only. It listens on loopback by default.
//!
//! Inside a test or an example:
//!
//! ```
//! # #[cfg(feature = "tcp")] {
//! use pusher_dev_server::{DevServer, DevServerConfig};
//!
//! let server = DevServer::start(DevServerConfig::default())?;
//! println!("{}", server.websocket_url());
//! println!("private and presence channels: {}", server.auth_endpoint());
//! server.publish("news", "headline", &["hello", "world"])?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! As a program: `cargo run -p pusher_dev_server -- --help`.
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `tcp` | yes | `DevServer`: HTTP and WebSocket on one port |
//! | `cli` | yes | the program |
//!
//! Without features only the [`core`] is compiled: the same server as a state machine without I/O, for tests in memory. It shares
//! no code with the client, so that a bug cannot cancel itself out on both sides.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod core;
#[cfg(feature = "tcp")]
mod tcp;

pub use self::core::{
    App, AuthorizationRecord, CoreConfig, CoreLimits, DisconnectCause, EncryptionMasterKey,
    PublishError, ServerEvent,
};
#[cfg(feature = "tcp")]
pub use tcp::{
    AnswerTo, AuthPolicy, CannedAnswer, DevServer, DevServerConfig, ServerError, ServerEvents,
};
