//! What the scenes share: one look, one way to be run, and the players that fill a scene when nobody else is there.
//!
//! A scene is an example of this package (`examples/`). It builds an app with [`scene::scene_app`] and a
//! [`link::LinkPlugin`] to a [`server::SceneServer`], and keeps a small model up to date: [`player::Player`] entities,
//! [`entry::ChatEntry`] and [`toast::Toast`] messages. Three modules show that model: `window` draws it with Bevy's renderer,
//! `terminal` with characters, and `lines` prints it; none of them knows where it comes from. What the clients of a scene say to
//! each other, and the simulated players who say it, are in the module of the scene's name.

pub mod arguments;
pub mod autopilot;
pub mod backend;
pub mod colours;
pub mod company;
pub mod connection_view;
pub mod cursors;
pub mod dev_server;
pub mod draw;
pub mod entry;
pub mod invitations;
pub mod key_hints;
mod keys;
pub mod leaderboard;
mod lines;
pub mod link;
pub mod lobby;
mod outage;
pub mod player;
pub mod reactive;
pub mod scene;
pub mod seating;
pub mod server;
#[cfg(not(target_arch = "wasm32"))]
mod terminal;
pub mod toast;
pub mod turns;
pub mod typing;
pub mod wall_clock;
#[cfg(any(target_arch = "wasm32", test))]
mod web;
pub mod whisper;
#[cfg(feature = "windowed")]
pub mod window;
pub mod words;
