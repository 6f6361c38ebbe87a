//! A small Pusher Channels server (protocol 7) for development and tests.
//!
//! It serves one app from memory: public, private, encrypted, presence and cache channels, client events, sign-in, watchlists, the
//! signed HTTP API of the official server libraries, and the two auth endpoints that a game's own backend has in production. Those
//! sign for **anybody who asks**, so it belongs on a developer's machine, and it listens on loopback unless told otherwise.
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
//! Without features there is the [`core`] alone: the same server as a state machine without I/O, for tests in memory. It shares
//! nothing with the client, so that a mistake cannot hide on both sides.

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
