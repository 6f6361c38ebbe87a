//! A Pusher Channels client as a Bevy plugin.
pub mod auth;
pub mod config;
mod driver;
