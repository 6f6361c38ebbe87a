//! A [Pusher Channels](https://pusher.com/docs/channels/) client as a Bevy plugin, for lobbies, chat, invitations, matchmaking
//! and live leaderboards. It works with the hosted service and with any server that speaks the protocol: Sockudo, soketi,
//! Laravel Reverb.
//!
//! Network I/O never blocks a frame: it runs on the plugin's own thread, or on the [web](guide::web) in callbacks of the
//! browser. A game uses components, resources, messages and observers.
//!
//! # Quick start
//!
//! ```no_run
//! use bevy::prelude::*;
//! use bevy_pusher::{config::Endpoint, prelude::*};
//!
//! #[derive(serde::Deserialize)]
//! struct Chat {
//!     from: String,
//!     text: String,
//! }
//!
//! fn main() {
//!     let config = PusherConfig::new("APP_KEY", Endpoint::cluster("eu"));
//!     App::new()
//!         .add_plugins((DefaultPlugins, PusherPlugin::new(config)))
//!         .add_pusher_event::<Chat>("chat-message")
//!         .add_systems(Startup, join)
//!         .add_systems(Update, show)
//!         .run();
//! }
//!
//! fn join(mut commands: Commands) {
//!     commands.spawn(PusherChannel::new("lobby"));
//! }
//!
//! fn show(mut chats: MessageReader<PusherEvent<Chat>>) {
//!     for chat in chats.read() {
//!         info!("{}: {}", chat.data().from, chat.data().text);
//!     }
//! }
//! ```
//!
//! The app key is public: it only identifies the app. For all channels except public ones, the game's backend
//! [authorizes](guide::authorization) the client.
//!
//! # The guide
//!
//! - [Connecting](guide::connecting): the server's address, the connection state, reconnecting
//! - [Channels](guide::channels): subscribing, the kinds of channels, the status of a subscription
//! - [Reading events](guide::reading_events): systems, observers, `FixedUpdate`, states
//! - [Typed events](guide::typed_events): events decoded into your types
//! - [Presence](guide::presence): the members of a channel
//! - [Client events](guide::sending): events from one player to the others
//! - [Authorization](guide::authorization): how your backend authorizes private channels
//! - [Backends](guide::backends): how the backend responds, with code for Node, Laravel and Rails
//! - [Sign-in](guide::sign_in): the player's identity, events to one user, friends online
//! - [Encrypted channels](guide::encrypted): events that the Pusher server cannot read
//! - [Offline development](guide::offline_development): without an account, a backend or a network
//! - [Testing a game](guide::testing): tests of your game without a network
//! - [Errors and retries](guide::errors): what can fail, and what is retried
//! - [Troubleshooting](guide::troubleshooting): by symptom
//! - [Mobile and suspend](guide::mobile): phones, suspend, and how to build for phones
//! - [The browser](guide::web): what is different in a browser
//! - [Security](guide::security): what never to ship, what to trust, logs
//! - [Coming from another client](guide::coming_from): the names of pusher-js, Laravel Echo, Dart, Unity, Java and Swift, and the
//!   names here
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `native-tls` | yes | wss and https through the platform's TLS library |
//! | `native-tls-vendored` | | the same with OpenSSL built from source |
//! | `encrypted` | yes | `private-encrypted-` channels |
//! | `winit` | | wakes a window with reactive updates when something arrives |
//! | `local-auth` | | `LocalAuthorizer`, which signs with the app's secret: for development only |
//! | `lifecycle` | | checks or closes the connection when a phone moves the app to the background and back |
//! | `testing` | | a server in the same process, for tests of your game without a network |
//! | `diagnostics` | | `PusherDiagnosticsPlugin`: round trip, events and bytes per second and more, as Bevy diagnostics |
//! | `states` | | `PusherStatesPlugin`: the connection state as one of Bevy's `States` |

#![cfg_attr(docsrs, feature(doc_cfg))]

mod app_ext;
pub mod auth;
mod channel;
mod client;
pub mod config;
mod connection;
mod driver;
mod event;
#[cfg(any(doc, doctest))]
pub mod guide;
mod inbound;
mod integrations;
mod plugin;
mod presence;
mod schedule;
mod sending;
mod sync;
#[cfg(all(feature = "testing", not(target_arch = "wasm32")))]
pub mod testing;
pub mod transport;
mod user;
mod user_code;
mod waker;

pub use app_ext::PusherAppExt;
pub use channel::{
    PusherCacheMissed, PusherChannel, PusherSubscribeExtras, PusherSubscribed, PusherSubscription,
    PusherSubscriptionChanged, PusherSubscriptionCountChanged,
};
pub use config::PusherConfig;
pub use connection::{
    ConnectionState, PusherConnection, PusherConnectionChanged, PusherErrorReported,
    pusher_connected, pusher_failed, pusher_waiting,
};
pub use event::{
    LagCause, PusherDecodeFailed, PusherEvent, PusherGlobalEvent, PusherLagged, RawData,
};
#[cfg(feature = "diagnostics")]
pub use integrations::diagnostics::PusherDiagnosticsPlugin;
#[cfg(feature = "states")]
pub use integrations::states::{PusherState, PusherStatesPlugin};
pub use plugin::PusherPlugin;
pub use presence::{
    PusherMember, PusherMemberEntities, PusherMemberJoined, PusherMemberLeft, PusherMemberOf,
    PusherMembers, PusherSpawnMembers,
};
pub use pusher_protocol::{
    ChannelKind, ChannelNameError,
    protocol::Member,
    session::{ConnectionError, DialPhase, PusherError, SignInError, SubscriptionError},
};
pub use schedule::PusherSystems;
pub use sending::{PusherSendAnswered, SendError, SendId, SendMode, SendOutcome};
pub use user::{
    PusherSignInChanged, PusherUser, PusherUserEvent, PusherWatchlistChanged, SignInState,
    pusher_signed_in,
};
pub use waker::PusherWaker;

/// The items that most games use.
pub mod prelude {
    pub use crate::{
        ConnectionState, PusherAppExt, PusherCacheMissed, PusherChannel, PusherConfig,
        PusherConnection, PusherConnectionChanged, PusherDecodeFailed, PusherErrorReported,
        PusherEvent, PusherLagged, PusherMember, PusherMemberJoined, PusherMemberLeft,
        PusherMemberOf, PusherMembers, PusherPlugin, PusherSendAnswered, PusherSignInChanged,
        PusherSpawnMembers, PusherSubscribed, PusherSubscription, PusherSubscriptionChanged,
        PusherSubscriptionCountChanged, PusherSystems, PusherUser, PusherUserEvent,
        PusherWatchlistChanged, SendMode, SignInState, auth::AuthEndpoint, config::Endpoint,
        pusher_connected, pusher_failed, pusher_signed_in, pusher_waiting,
    };
}
