//! The guide, page by page. Every example in it is compiled with the crate's tests.
//!
//! | page | what it is about |
//! |---|---|
//! | [`connecting`] | where the server is, the connection's state, coming back after a loss |
//! | [`channels`] | subscribing, the kinds of channels, what became of a subscription |
//! | [`reading_events`] | systems, observers, `FixedUpdate` and states, typed events |
//! | [`presence`] | who is there |
//! | [`sending`] | client events, from one player to the others |
//! | [`authorization`] | who lets the player into private channels |
//! | [`sign_in`] | who the player is, events to one user, friends online |
//! | [`testing`] | a game that tests itself without a network |
//! | [`errors`] | what fails, what is tried again, troubleshooting by symptom |
//! | [`web`] | what is different in a browser |
//! | [`security`] | what never to ship, logs |

#[cfg(doc)]
use crate::*;

#[doc = include_str!("guide/authorization.md")]
pub mod authorization {}

#[doc = include_str!("guide/channels.md")]
pub mod channels {}

#[doc = include_str!("guide/connecting.md")]
pub mod connecting {}

#[doc = include_str!("guide/errors.md")]
pub mod errors {}

#[doc = include_str!("guide/presence.md")]
pub mod presence {}

#[doc = include_str!("guide/reading_events.md")]
pub mod reading_events {}

#[doc = include_str!("guide/security.md")]
pub mod security {}

#[doc = include_str!("guide/sending.md")]
pub mod sending {}

#[doc = include_str!("guide/sign_in.md")]
pub mod sign_in {}

#[doc = include_str!("guide/testing.md")]
pub mod testing {}

#[doc = include_str!("guide/web.md")]
pub mod web {}
