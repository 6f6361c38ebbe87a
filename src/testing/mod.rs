//! A server in the game's own process, with which a game tests itself: without a network, without threads, and without
//! waiting. Needs the feature `testing`, which the web does not have; best as a dev-dependency:
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
//! // Somebody else comes, and leaves again.
//! let bob = server.peer("bob");
//! bob.subscribe("presence-lobby");
//! server.update_until(&mut app, |world| world.get::<PusherMembers>(lobby).unwrap().get("bob").is_some());
//! drop(bob);
//! server.update_until(&mut app, |world| world.get::<PusherMembers>(lobby).unwrap().len() == 1);
//!
//! // The connection breaks, and comes back by itself.
//! server.drop_connections();
//! server.update_until(&mut app, |world| world.get::<PusherSubscribed>(lobby).is_none());
//! server.update_until(&mut app, |world| world.get::<PusherSubscribed>(lobby).is_some());
//!
//! // What the backend publishes.
//! server.publish("presence-lobby", "match-found", &json!({"server": 7}));
//! app.update();
//! let events = app.world().resource::<Messages<PusherEvent>>();
//! assert_eq!(events.iter_current_update_messages().next().unwrap().name(), "match-found");
//! ```
//!
//! Such a client is the real one but for its socket and its clock. What the game asks for reaches the server within the call,
//! and what the server says is in the next update, all of it: [`Limits::receive_budget`] is not counted. Time stands still but
//! for [`TestServer::advance`] and [`TestServer::update`]: a test of half an hour of heartbeats takes no time.
//! [`PusherConnection::retry_in`] alone still counts in real time.
//!
//! [`Limits::receive_budget`]: crate::config::Limits::receive_budget
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
