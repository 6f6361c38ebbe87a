//! A Pusher server in the same process, for tests of a game without a network, threads or waiting. Needs the feature `testing`, which
//! is not available on the web. Enable it in a dev-dependency:
//!
//! ```toml
//! [dev-dependencies]
//! bevy_pusher = { path = "../bevy_pusher", features = ["testing"] }
//! ```
//!
//! ```
//! use bevy::prelude::*;
//! use bevy_pusher::{prelude::*, testing::TestServer};
//! use serde_json::json;
//!
//! let server = TestServer::new();
//! let mut app = App::new();
//! app.add_plugins((MinimalPlugins, PusherPlugin::new(server.config())));
//! let lobby = app.world_mut().spawn(PusherChannel::new("presence-lobby")).id();
//! server.update_until_subscribed(&mut app, lobby);
//!
//! // Another player joins and leaves.
//! let bob = server.peer("bob");
//! bob.subscribe("presence-lobby");
//! server.update_until(&mut app, |world| world.get::<PusherMembers>(lobby).unwrap().get("bob").is_some());
//! drop(bob);
//! server.update_until(&mut app, |world| world.get::<PusherMembers>(lobby).unwrap().len() == 1);
//!
//! // The connection is lost, and the plugin reconnects.
//! server.drop_connections();
//! server.update_until(&mut app, |world| world.get::<PusherSubscribed>(lobby).is_none());
//! server.update_until(&mut app, |world| world.get::<PusherSubscribed>(lobby).is_some());
//!
//! // The backend publishes an event.
//! server.publish("presence-lobby", "match-found", &json!({"server": 7}));
//! app.update();
//! let events = app.world().resource::<Messages<PusherEvent>>();
//! assert_eq!(events.iter_current_update_messages().next().unwrap().name(), "match-found");
//! ```
//!
//! The client is the real one, except for its socket and its clock:
//!
//! - A call of the game, such as [`PusherConnection::connect`], reaches the server before it returns. Whatever the server sends is
//!   delivered in the next update, without the limit of [`Limits::receive_budget`].
//! - Time advances only by [`TestServer::advance`], [`TestServer::update`] and the methods that call them. A test of half an hour of
//!   heartbeats takes no real time. Only [`PusherConnection::retry_in`] counts in real time.
//!
//! [`Limits::receive_budget`]: crate::config::Limits::receive_budget
//! [`PusherConnection::connect`]: crate::PusherConnection::connect
//! [`PusherConnection::retry_in`]: crate::PusherConnection::retry_in

mod backend;
mod client_end;
mod clock;
mod driver;
mod peer;
mod server;
mod state;

pub(crate) use driver::{clock_of, start};
pub use peer::{TestEvent, TestPeer, TestUser};
pub use server::TestServer;
