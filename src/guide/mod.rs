//! The guide. Most games need the first five pages. All examples compile: they are doc tests.
//!
//! | page | contents |
//! |---|---|
//! | [`connecting`] | the server's address, the connection state, reconnecting |
//! | [`channels`] | subscribing, the kinds of channels, the status of a subscription |
//! | [`reading_events`] | systems, observers, `FixedUpdate`, states |
//! | [`typed_events`] | events decoded into your types |
//! | [`presence`] | the members of a channel |
//! | [`sending`] | client events: from one player to the others |
//! | [`authorization`] | how your backend authorizes private channels |
//! | [`backends`] | how the backend responds, with code for Node, Laravel and Rails |
//! | [`sign_in`] | the player's identity, events to one user, friends online |
//! | [`encrypted`] | events that the Pusher server cannot read |
//! | [`offline_development`] | without an account, a backend or a network |
//! | [`testing`] | tests of your game without a network |
//! | [`errors`] | what can fail, and what is retried |
//! | [`troubleshooting`] | by symptom |
//! | [`mobile`] | phones, suspend, and how to build for phones |
//! | [`web`] | what is different in a browser |
//! | [`security`] | what never to ship, what to trust, logs |
//! | [`coming_from`] | the names of pusher-js, Laravel Echo, Dart, Unity, Java and Swift, and the names here |

#[cfg(doc)]
use crate::*;

/// Includes a page of the guide, and defines its links to items of an optional feature. Without the feature, they point to the list of
/// features.
macro_rules! page {
    ($page:ident $(, $feature:tt: $($link:literal => $item:literal),+)?) => {
        $($(
            #[cfg_attr(feature = $feature, doc = concat!("[", $link, "]: ", $item))]
            #[cfg_attr(not(feature = $feature), doc = concat!("[", $link, "]: crate#features"))]
        )+)?
        #[doc = include_str!(concat!(stringify!($page), ".md"))]
        pub mod $page {}
    };
}

page!(authorization);
page!(backends);
page!(channels);
page!(coming_from);
page!(connecting, "states":
    "`PusherStatesPlugin`" => "PusherStatesPlugin"
);
page!(encrypted);
page!(errors);
page!(mobile, "lifecycle":
    "`SuspendPolicy`" => "config::SuspendPolicy"
);
page!(offline_development);
page!(presence);
page!(reading_events, "states":
    "`PusherStatesPlugin`" => "PusherStatesPlugin",
    "`PusherState`" => "PusherState"
);
page!(security);
page!(sending);
page!(sign_in);
page!(testing, "testing":
    "`TestServer`" => "crate::testing::TestServer",
    "`TestPeer`" => "crate::testing::TestPeer",
    "TestServer::advance" => "crate::testing::TestServer::advance",
    "TestServer::close_connections" => "crate::testing::TestServer::close_connections",
    "TestServer::drop_connections" => "crate::testing::TestServer::drop_connections",
    "TestServer::go_offline" => "crate::testing::TestServer::go_offline",
    "TestServer::peer" => "crate::testing::TestServer::peer",
    "TestServer::publish" => "crate::testing::TestServer::publish",
    "TestServer::publish_to_user" => "crate::testing::TestServer::publish_to_user",
    "TestServer::refuse" => "crate::testing::TestServer::refuse",
    "TestServer::refuse_sign_in" => "crate::testing::TestServer::refuse_sign_in",
    "TestServer::take_client_events" => "crate::testing::TestServer::take_client_events",
    "TestServer::update" => "crate::testing::TestServer::update",
    "TestServer::update_until" => "crate::testing::TestServer::update_until",
    "`TestServer::redirect`" => "crate::testing::TestServer::redirect",
    "TestServer::update_until_subscribed" => "crate::testing::TestServer::update_until_subscribed"
);
page!(troubleshooting);
page!(typed_events);
page!(web);

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub mod readme {}
