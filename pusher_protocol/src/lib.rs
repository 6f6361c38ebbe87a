//! The Pusher Channels client protocol (version 7) without any I/O.
//!
//! [`protocol`] parses and encodes frames. [`session`] is a complete client as a state machine: its input is what happened and
//! the current time, its output is what to do next. Sockets, threads and clocks belong to the driver around it; `bevy_pusher`
//! is one.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod config;
pub mod protocol;
#[cfg(feature = "server")]
pub mod server;
pub mod session;

pub use protocol::{ChannelKind, ChannelName, ChannelNameError, NameRules};
pub use session::Session;
