//! The guide, page by page: the first five are what most games need. Every example is compiled with the crate's tests.
//!
//! | page | what it is about |
//! |---|---|
//! | [`connecting`] | where the server is, the connection's state, coming back after a loss |
//! | [`channels`] | subscribing, the kinds of channels, what became of a subscription |
//! | [`reading_events`] | systems, observers, `FixedUpdate`, states |
//! | [`typed_events`] | events as types of the game's own |
//! | [`presence`] | who is there |
//! | [`sending`] | client events, from one player to the others |
//! | [`authorization`] | who lets the player into private channels |
//! | [`backends`] | what the backend answers, with code for Node, Laravel and Rails |
//! | [`sign_in`] | who the player is, events to one user, friends online |
//! | [`encrypted`] | events that the Pusher server cannot read |
//! | [`offline_development`] | without an account, a backend and a network |
//! | [`testing`] | a game that tests itself |
//! | [`errors`] | what fails, and what is tried again |
//! | [`troubleshooting`] | by symptom |
//! | [`mobile`] | phones, suspend, and what building for them takes |
//! | [`web`] | what is different in a browser |
//! | [`security`] | what never to ship, whom to believe, logs |
//! | [`coming_from`] | pusher-js, Laravel Echo, Dart, Unity, Java and Swift: their words and these |

#[cfg(doc)]
use crate::*;

#[doc = include_str!("guide/authorization.md")]
pub mod authorization {}

#[doc = include_str!("guide/backends.md")]
pub mod backends {}

#[doc = include_str!("guide/channels.md")]
pub mod channels {}

#[doc = include_str!("guide/coming_from.md")]
pub mod coming_from {}

#[cfg_attr(feature = "states", doc = "[`PusherStatesPlugin`]: PusherStatesPlugin")]
#[cfg_attr(
    not(feature = "states"),
    doc = "[`PusherStatesPlugin`]: crate#features"
)]
#[doc = include_str!("guide/connecting.md")]
pub mod connecting {}

#[doc = include_str!("guide/encrypted.md")]
pub mod encrypted {}

#[doc = include_str!("guide/errors.md")]
pub mod errors {}

#[cfg_attr(feature = "window", doc = "[`SuspendPolicy`]: config::SuspendPolicy")]
#[cfg_attr(not(feature = "window"), doc = "[`SuspendPolicy`]: crate#features")]
#[doc = include_str!("guide/mobile.md")]
pub mod mobile {}

#[doc = include_str!("guide/offline_development.md")]
pub mod offline_development {}

#[doc = include_str!("guide/presence.md")]
pub mod presence {}

#[cfg_attr(feature = "states", doc = "[`PusherStatesPlugin`]: PusherStatesPlugin")]
#[cfg_attr(
    not(feature = "states"),
    doc = "[`PusherStatesPlugin`]: crate#features"
)]
#[cfg_attr(feature = "states", doc = "[`PusherState`]: PusherState")]
#[cfg_attr(not(feature = "states"), doc = "[`PusherState`]: crate#features")]
#[doc = include_str!("guide/reading_events.md")]
pub mod reading_events {}

#[doc = include_str!("guide/security.md")]
pub mod security {}

#[doc = include_str!("guide/sending.md")]
pub mod sending {}

#[doc = include_str!("guide/sign_in.md")]
pub mod sign_in {}

#[cfg_attr(
    feature = "testing",
    doc = "[`TestServer`]: crate::testing::TestServer"
)]
#[cfg_attr(not(feature = "testing"), doc = "[`TestServer`]: crate#features")]
#[cfg_attr(feature = "testing", doc = "[`TestPeer`]: crate::testing::TestPeer")]
#[cfg_attr(not(feature = "testing"), doc = "[`TestPeer`]: crate#features")]
#[cfg_attr(
    feature = "testing",
    doc = "[TestServer::advance]: crate::testing::TestServer::advance"
)]
#[cfg_attr(
    not(feature = "testing"),
    doc = "[TestServer::advance]: crate#features"
)]
#[cfg_attr(
    feature = "testing",
    doc = "[TestServer::close_connections]: crate::testing::TestServer::close_connections"
)]
#[cfg_attr(
    not(feature = "testing"),
    doc = "[TestServer::close_connections]: crate#features"
)]
#[cfg_attr(
    feature = "testing",
    doc = "[TestServer::drop_connections]: crate::testing::TestServer::drop_connections"
)]
#[cfg_attr(
    not(feature = "testing"),
    doc = "[TestServer::drop_connections]: crate#features"
)]
#[cfg_attr(
    feature = "testing",
    doc = "[TestServer::go_offline]: crate::testing::TestServer::go_offline"
)]
#[cfg_attr(
    not(feature = "testing"),
    doc = "[TestServer::go_offline]: crate#features"
)]
#[cfg_attr(
    feature = "testing",
    doc = "[TestServer::peer]: crate::testing::TestServer::peer"
)]
#[cfg_attr(not(feature = "testing"), doc = "[TestServer::peer]: crate#features")]
#[cfg_attr(
    feature = "testing",
    doc = "[TestServer::publish]: crate::testing::TestServer::publish"
)]
#[cfg_attr(
    not(feature = "testing"),
    doc = "[TestServer::publish]: crate#features"
)]
#[cfg_attr(
    feature = "testing",
    doc = "[TestServer::publish_to_user]: crate::testing::TestServer::publish_to_user"
)]
#[cfg_attr(
    not(feature = "testing"),
    doc = "[TestServer::publish_to_user]: crate#features"
)]
#[cfg_attr(
    feature = "testing",
    doc = "[TestServer::refuse]: crate::testing::TestServer::refuse"
)]
#[cfg_attr(not(feature = "testing"), doc = "[TestServer::refuse]: crate#features")]
#[cfg_attr(
    feature = "testing",
    doc = "[TestServer::refuse_sign_in]: crate::testing::TestServer::refuse_sign_in"
)]
#[cfg_attr(
    not(feature = "testing"),
    doc = "[TestServer::refuse_sign_in]: crate#features"
)]
#[cfg_attr(
    feature = "testing",
    doc = "[TestServer::take_client_events]: crate::testing::TestServer::take_client_events"
)]
#[cfg_attr(
    not(feature = "testing"),
    doc = "[TestServer::take_client_events]: crate#features"
)]
#[cfg_attr(
    feature = "testing",
    doc = "[TestServer::update]: crate::testing::TestServer::update"
)]
#[cfg_attr(not(feature = "testing"), doc = "[TestServer::update]: crate#features")]
#[cfg_attr(
    feature = "testing",
    doc = "[TestServer::update_until]: crate::testing::TestServer::update_until"
)]
#[cfg_attr(
    not(feature = "testing"),
    doc = "[TestServer::update_until]: crate#features"
)]
#[cfg_attr(
    feature = "testing",
    doc = "[`TestServer::redirect`]: crate::testing::TestServer::redirect"
)]
#[cfg_attr(
    not(feature = "testing"),
    doc = "[`TestServer::redirect`]: crate#features"
)]
#[cfg_attr(
    feature = "testing",
    doc = "[TestServer::update_until_subscribed]: crate::testing::TestServer::update_until_subscribed"
)]
#[cfg_attr(
    not(feature = "testing"),
    doc = "[TestServer::update_until_subscribed]: crate#features"
)]
#[doc = include_str!("guide/testing.md")]
pub mod testing {}

#[doc = include_str!("guide/troubleshooting.md")]
pub mod troubleshooting {}

#[doc = include_str!("guide/typed_events.md")]
pub mod typed_events {}

#[doc = include_str!("guide/web.md")]
pub mod web {}

/// The README's examples, for the compiler.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub mod readme {}
