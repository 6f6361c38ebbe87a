//! Shared code of the scenes: appearance, startup, and the simulated players that join when no one else is connected.
//!
//! A scene is an example of this package (`examples/`). It builds an app with [`scene::scene_app`] and a
//! [`connection::ConnectionPlugin`] that connects to a [`server::SceneServer`], and keeps a small model up to date:
//! [`player::Player`] entities, [`chat_entry::ChatEntry`] and [`toast::Toast`] messages. Three modules show the model: `window`
//! with Bevy's renderer, `terminal` with characters, and `lines` as printed lines. None of them depends on the network. The
//! module named after a scene holds the events that its clients exchange, and its simulated players.

pub mod arguments;
pub mod autopilot;
pub mod backend;
pub mod chat_entry;
pub mod client_number;
pub mod colours;
pub mod connection;
pub mod connection_view;
pub mod cursors;
pub mod dev_server;
pub mod draw;
pub mod invitations;
pub mod key_hints;
mod keys;
pub mod leaderboard;
mod lines;
pub mod lobby;
mod outage;
pub mod player;
pub mod reactive;
pub mod roster_sync;
pub mod scene;
pub mod server;
pub mod simulation;
#[cfg(not(target_arch = "wasm32"))]
mod terminal;
pub mod text;
pub mod toast;
pub mod turns;
pub mod typing;
pub mod wall_clock;
#[cfg(any(target_arch = "wasm32", test))]
mod web;
pub mod whisper;
#[cfg(feature = "windowed")]
pub mod window;
