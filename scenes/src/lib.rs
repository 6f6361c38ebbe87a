//! What the scenes share: one look, one frame, one way to be run, and the players that fill a scene when nobody else is
//! there.
//!
//! A scene is an example of this package (`examples/`). It builds an app with [`scene::scene_app`], spawns a
//! [`frame::Frame`] in it, and keeps a small model up to date: [`connection_view::ConnectionView`], [`player::Player`]
//! entities, [`player::ChatEntry`] and [`toast::Toast`] messages. The modules here draw that model in a window or print
//! it as lines; none of them knows where it comes from.

pub mod arguments;
pub mod badge;
pub mod chat;
pub mod connection_view;
pub mod fitted;
pub mod frame;
mod headless;
pub mod icons;
pub mod input_line;
pub mod key_hints;
pub mod lobby;
pub mod motion;
pub mod notice;
pub mod pace;
pub mod panel;
pub mod picture;
pub mod player;
pub mod roster;
pub mod scene;
pub mod scrolling;
pub mod simulated;
pub mod theme;
pub mod toast;
pub mod words;
