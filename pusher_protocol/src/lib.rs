//! The Pusher Channels client protocol (version 7) without any I/O.
//!
//! [`protocol`] reads and writes what goes over the wire. [`session`] is a whole client as a state machine: it is told
//! what happened and what time it is, and says what to do next. Sockets, threads and clocks belong to whoever drives
//! it; `bevy_pusher` is one such driver.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod config;
pub mod protocol;
pub mod session;

pub use protocol::{ChannelKind, ChannelName, ChannelNameError, NameRules};
pub use session::Session;
