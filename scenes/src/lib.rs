//! What the scenes share: one look, one frame, one way to be run, and the players that fill a scene when nobody else is
//! there.
//!
//! A scene is an example of this package (`examples/`). It builds an app with [`scene::scene_app`] and a
//! [`link::LinkPlugin`] to a [`server::SceneServer`], spawns a [`frame::Frame`] in it, and keeps a small model up to date:
//! [`player::Player`] entities, [`entry::ChatEntry`] and [`toast::Toast`] messages. The modules here draw that model in a
//! window or print it as lines; none of them knows where it comes from. What the clients of a scene say to each other, and
//! the simulated players who say it, are in the module of the scene's name.

pub mod arguments;
pub mod autopilot;
pub mod backend;
pub mod badge;
pub mod chat;
pub mod company;
pub mod connection_view;
pub mod cursors;
mod curtain;
pub mod dev_server;
pub mod draw;
pub mod entry;
pub mod fitted;
pub mod frame;
mod headless;
pub mod icons;
pub mod input_line;
pub mod invitations;
pub mod key_hints;
mod keys;
pub mod leaderboard;
pub mod link;
pub mod lobby;
pub mod motion;
pub mod notice;
pub mod pace;
pub mod panel;
pub mod picture;
pub mod player;
pub mod reactive;
pub mod roster;
pub mod scene;
pub mod scrolling;
pub mod seating;
pub mod server;
pub mod theme;
pub mod toast;
pub mod turns;
pub mod wall_clock;
#[cfg(any(target_arch = "wasm32", test))]
mod web;
pub mod whisper;
pub mod words;
