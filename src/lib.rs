//! A [Pusher Channels](https://pusher.com/docs/channels/) client as a Bevy plugin: who is in the lobby, chat, invitations,
//! match found, live leaderboards. It works with the hosted service and with every server that speaks the protocol:
//! Sockudo, soketi, Laravel Reverb.
//!
//! Everything that can block, wait or fail runs off the frame: on a thread of its own, on the [web](#the-browser) in the
//! browser's callbacks. A game sees components, resources, messages and observers.
//!
//! - [Quick start](#quick-start)
//! - [Connecting](#connecting)
//! - [Channels](#channels)
//! - [Reading events](#reading-events)
//! - [Presence](#presence)
//! - [Sending](#sending)
//! - [Authorization](#authorization)
//! - [Sign-in](#sign-in)
//! - [The browser](#the-browser)
//! - [When things go wrong](#when-things-go-wrong)
//! - [Security and logs](#security-and-logs)
//! - [Testing a game](#testing-a-game)
//! - [Features](#features)
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
//! # Connecting
//!
//! [`PusherPlugin::new`] connects as soon as the app runs. [`PusherPlugin::default`] waits for a [`PusherConfig`] to be
//! inserted: after a menu, or once the game knows its key. Inserting another one changes it while the game runs: another
//! endpoint or key reconnects with all channels kept, everything else applies without; channels and a sign-in that the
//! backend refused are asked for again if the credentials changed. Removing it ends the client.
//!
//! ```
//! # use bevy::prelude::*;
//! # use bevy_pusher::{config::*, prelude::*};
//! fn choose_server(mut commands: Commands) {
//!     // A server of one's own, over TLS, behind a path.
//!     let endpoint = Endpoint::custom("pusher.example.com", 443).with_tls().with_path("/ws");
//!     commands.insert_resource(PusherConfig::new("APP_KEY", endpoint));
//! }
//!
//! fn badge(connection: Res<PusherConnection>) {
//!     if let Some(time) = connection.retry_in() {
//!         info!("retrying in {} s", time.as_secs());
//!     }
//! }
//! # App::new().add_systems(Update, (choose_server, badge.run_if(pusher_waiting)));
//! ```
//!
//! [`PusherConnection`] is the state, and the verbs: [`connect`](PusherConnection::connect),
//! [`disconnect`](PusherConnection::disconnect) and others are legal in every state, take `&self` and leave at once. It is
//! marked as changed only when the state changed; each change is also a [`PusherStateChanged`]. The run conditions are
//! [`pusher_connected`], [`pusher_waiting`], [`pusher_failed`] and [`pusher_signed_in`].
//!
//! A lost connection is dialled again for ever by default, after delays that grow and are random
//! ([`ReconnectPolicy`](config::ReconnectPolicy)); a game that knows better decides with
//! [`with_reconnect_hook`](PusherConfig::with_reconnect_hook). It ends in [`ConnectionState::Failed`] only if dialling again cannot
//! help: a wrong key, a disabled app. Silence is checked every 30 seconds ([`Timing`](config::Timing)); that runs in real
//! time on the plugin's own thread, whatever the game's clocks and frames do.
//!
//! What stands between the game and the server: a [`Proxy`](config::Proxy) (HTTP, `CONNECT`) and [certificate
//! authorities](PusherConfig::with_ca_certificate) of one's own count for the socket and for authorization alike. Both are
//! the browser's matter on the web.
//!
//! ```
//! # use bevy_pusher::{config::*, prelude::*};
//! let proxy = Proxy::new("proxy.example.com", 3128).with_credentials("user", "password");
//! let config = PusherConfig::new("APP_KEY", Endpoint::cluster("eu")).with_proxy(proxy);
//! ```
//!
//! A gateway in front of the server may want [headers](PusherConfig::with_handshake_header) in the WebSocket's handshake,
//! which can be asked for afresh at each dial.
//!
//! Frames that cannot or shall not go over a WebSocket of the plugin's own go over a [`Transport`](transport::Transport) of
//! the game's: a relay that it has anyway, a platform's network service. All else stays as it is; the
//! [module](transport) has an example.
//!
//! A machine that slept is found out by its clocks, and the link is checked at once. On phones, the feature `window` heeds
//! when the app goes to the background and comes back (Bevy's `AppLifecycle`): coming back checks the link at once, and by
//! `PusherConfig::with_suspend_policy` the connection can be closed for the time between. A game that learns by itself that
//! the network changed says so with [`check_link`](PusherConnection::check_link); browsers tell the plugin.
//!
//! # Channels
//!
//! A [`PusherChannel`] on an entity is a subscription: inserting it subscribes, replacing, removing or despawning it
//! unsubscribes. It survives every reconnect. Two entities with one name share one subscription. What became of it is in
//! [`PusherSubscription`], with the marker [`PusherSubscribed`] for filters; each change is a
//! [`PusherSubscriptionChanged`], which tells after a reconnect how long the channel heard nothing: reason enough to ask
//! the backend for what was missed.
//!
//! ```
//! # use bevy::prelude::*;
//! # use bevy_pusher::prelude::*;
//! fn refetch(changed: On<PusherSubscriptionChanged>) {
//!     if let Some(gap) = changed.gap() {
//!         info!("{} heard nothing for {gap:?}", changed.channel());
//!     }
//! }
//! # App::new().add_observer(refetch);
//! ```
//!
//! The name's prefix says what kind of channel it is: none (anybody may listen), `private-` and `presence-` (the game's
//! backend [authorizes](#authorization)), `private-encrypted-` (the Pusher server cannot read the events), and each with
//! `cache-` behind it (the server keeps the last event for late subscribers, or there is a [`PusherCacheMissed`]).
//!
//! # Reading events
//!
//! Every event of a subscribed channel is a [`PusherEvent`]: one message, and one entity event for each entity that wants the
//! channel. Its data is as it came ([`RawData`]), or decoded after
//! [`add_pusher_event`](PusherAppExt::add_pusher_event). Messages are for systems that look at many, observers for what is
//! to happen at once:
//!
//! ```
//! # use bevy::prelude::*;
//! # use bevy_pusher::prelude::*;
//! #[derive(serde::Deserialize)]
//! struct Invitation {
//!     from: String,
//! }
//!
//! fn everything(mut events: MessageReader<PusherEvent>) {
//!     for event in events.read() {
//!         info!("{} {}: {}", event.channel(), event.name(), event.data().as_str());
//!     }
//! }
//!
//! fn invited(event: On<PusherEvent<Invitation>>) {
//!     info!("{} invites you", event.data().from);
//! }
//!
//! # let mut app = App::new();
//! app.add_pusher_event::<Invitation>("invitation")
//!     .add_systems(Update, everything)
//!     .add_systems(Startup, |mut commands: Commands| {
//!         // This observer lives and dies with its channel.
//!         commands.spawn(PusherChannel::new("private-me")).observe(invited);
//!     });
//! ```
//!
//! Observers run before any reader of the same frame, so use one of them for things whose order matters. Events are handed
//! over in [`PusherSystems::Receive`], in `PreUpdate`, in the order of the wire, for at most
//! [`Limits::receive_budget`](config::Limits::receive_budget) a frame; what remains comes with the next frame. Read messages
//! in `Update`, `FixedUpdate` or later. A system behind a run condition misses the messages of the time when it does not
//! run, as everywhere in Bevy: use an observer, or the state in the components. What cannot be decoded is a
//! [`PusherDecodeFailed`]. If the game does not run for so long that more waits than
//! [`Limits`](config::Limits) allow, the oldest events are dropped, and a [`PusherLagged`] says how many.
//!
//! A name may have several types, and mean one thing on some channels and another elsewhere:
//!
//! ```
//! # use bevy::prelude::*;
//! # use bevy_pusher::prelude::*;
//! # #[derive(serde::Deserialize)] struct ChessMove;
//! # #[derive(serde::Deserialize)] struct CardMove;
//! # let mut app = App::new();
//! app.add_pusher_event_on::<ChessMove>("presence-chess-*", "client-move")
//!     .add_pusher_event_on::<CardMove>("presence-cards-*", "client-move");
//! ```
//!
//! Some servers know more than Pusher's own protocol. Keys of a frame that this plugin does not know are
//! [`PusherEvent::extras`], an event of the server without a channel is a [`PusherConnectionEvent`], and
//! [`PusherSubscribeExtras`] beside a channel adds fields to its request:
//!
//! ```
//! # use bevy::prelude::*;
//! # use bevy_pusher::{PusherSubscribeExtras, prelude::*};
//! # use serde_json::json;
//! fn follow_goals(mut commands: Commands) {
//!     let goals = json!({"key": "kind", "cmp": "eq", "val": "goal"});
//!     commands.spawn((PusherChannel::new("match-7"), PusherSubscribeExtras::new().with("filter", goals)));
//! }
//!
//! fn remember_position(event: On<PusherEvent>) {
//!     if let Some(Ok(serial)) = event.extra("serial").map(|serial| serial.parse::<u64>()) {
//!         info!("{} is at {serial}", event.channel());
//!     }
//! }
//! # App::new().add_systems(Startup, follow_goals).add_observer(remember_position);
//! ```
//!
//! # Presence
//!
//! An entity with a `presence-` channel has [`PusherMembers`]: who is there, and which one is me. Comings and goings are
//! [`PusherMemberJoined`] and [`PusherMemberLeft`], also those that happened while the connection was lost, marked so.
//!
//! ```
//! # use bevy::prelude::*;
//! # use bevy_pusher::prelude::*;
//! #[derive(serde::Deserialize)]
//! struct Player {
//!     name: String,
//! }
//!
//! fn roster(rosters: Query<&PusherMembers, Changed<PusherMembers>>) {
//!     for member in rosters.iter().flat_map(|members| members.iter()) {
//!         let name = member.info::<Player>().map_or_else(|_| member.id().to_owned(), |player| player.name);
//!         info!("{name} is here");
//!     }
//! }
//! # App::new().add_systems(Update, roster);
//! ```
//!
//! With [`PusherSpawnMembers`] beside the channel, each member is an entity too, with a [`PusherMember`] and related to the
//! channel by [`PusherMemberOf`]: a roster as a query.
//!
//! # Sending
//!
//! Clients may send to each other on private and presence channels, if the app allows it: events named `client-…`, at most
//! ten a second and 10 KB each on the hosted service. Nothing is dropped silently: what can be told at once is the result of
//! [`send`](PusherConnection::send), the rest a [`PusherSendAnswered`].
//!
//! ```
//! # use bevy::prelude::*;
//! # use bevy_pusher::prelude::*;
//! #[derive(serde::Serialize)]
//! struct Wave {
//!     hand: String,
//! }
//!
//! fn wave(entered: On<Add, PusherSubscribed>, channels: Query<&PusherChannel>, connection: Res<PusherConnection>) -> Result {
//!     let lobby = channels.get(entered.entity)?;
//!     connection.send(lobby, "client-wave", &Wave { hand: "left".into() })?;
//!     Ok(())
//! }
//!
//! fn refused(mut answers: MessageReader<PusherSendAnswered>) {
//!     for answer in answers.read() {
//!         if let Some(error) = answer.error() {
//!             warn!("not sent: {error}");
//!         }
//!     }
//! }
//! # App::new().add_observer(wave).add_systems(Update, refused);
//! ```
//!
//! Connected is not subscribed yet: before there is a [`PusherSubscribed`], a client event is refused. A `?` in a system ends
//! the game by Bevy's default error handler; for data that a player chose, such as a long text, use `if let Err(error)`.
//!
//! [`send_with`](PusherConnection::send_with) is for events that need not leave at once: [`SendMode::Queued`] waits for the
//! connection, the subscription and the rate; of [`SendMode::Latest`], for cursors and positions, only the latest value is
//! sent, as often as the rate allows, and each one that was overtaken is answered [`Coalesced`](SendOutcome::Coalesced).
//!
//! ```
//! # use bevy::prelude::*;
//! # use bevy_pusher::{SendMode, prelude::*};
//! fn share_position(connection: Res<PusherConnection>, player: Single<&Transform, Changed<Transform>>) -> Result {
//!     let position = player.translation.truncate();
//!     connection.send_with(SendMode::Latest, "presence-arena", "client-position", &position.to_array())?;
//!     Ok(())
//! }
//! # App::new().add_systems(Update, share_position.run_if(pusher_connected));
//! ```
//!
//! # Authorization
//!
//! Private, presence and encrypted channels need the game's backend to say yes: it signs with the app's secret, which never
//! belongs into a game. An [`AuthEndpoint`](auth::AuthEndpoint) is asked by HTTP, with headers and parameters that may be
//! provided afresh for each request, so that a renewed token is the one that is sent. An
//! [`Authorizer`](auth::Authorizer) is code of one's own, which may answer later.
//!
//! ```
//! # use bevy_pusher::{auth::*, config::*, prelude::*};
//! # fn token() -> String { "secret".into() }
//! let endpoint = AuthEndpoint::new("https://game.example.com/pusher/auth")
//!     .with_header_provider(|| vec![("Authorization".into(), format!("Bearer {}", token()))]);
//! let config = PusherConfig::new("APP_KEY", Endpoint::cluster("eu")).with_auth_endpoint(endpoint);
//! ```
//!
//! Some channels may be [another backend's](PusherConfig::with_auth_endpoint_for) to authorize, by the beginning of their
//! names. To develop before there is any backend, a game can sign by itself with the feature `local-auth`; such a game must
//! not be shipped, for it holds the app's secret.
//!
//! The endpoint gets `socket_id` and `channel_name` as a form and answers with JSON: `{"auth": "KEY:SIGNATURE"}`, on
//! presence channels with `channel_data`, on encrypted ones with `shared_secret`; every Pusher server library makes it. A
//! refusal is [`PusherSubscription::Failed`] with the HTTP status and what came. It is not repeated by itself while the
//! connection stands: mend the cause, then [`retry`](PusherConnection::retry).
//!
//! A passing failure is: no answer in time, an endpoint that is not reached, the statuses 429 and 5xx. The backend is asked
//! again after random delays that grow, three times in all ([`RetryPolicy`](config::RetryPolicy)); meanwhile the channel stays
//! `Subscribing`, and each of these failures is a [`PusherErrorReported`].
//!
//! ```
//! # use std::time::Duration;
//! # use bevy_pusher::{config::*, prelude::*};
//! let config = PusherConfig::new("APP_KEY", Endpoint::cluster("eu")).with_auth_retry(RetryPolicy {
//!     max_attempts: 6,
//!     max_delay: Duration::from_secs(20),
//!     ..RetryPolicy::default()
//! });
//! ```
//!
//! # Sign-in
//!
//! With a [user auth endpoint](PusherConfig::with_user_auth_endpoint), [`sign_in`](PusherConnection::sign_in) tells the
//! server who the player is, now and after every reconnect. Then [`PusherUser`] knows the user and which friends of the
//! watchlist are online, and what the backend sends to this user arrives as [`PusherUserEvent`].
//!
//! # The browser
//!
//! A game that is built for `wasm32-unknown-unknown` uses the plugin as it is: the same components, resources, messages and
//! options over the same client. What is different there:
//!
//! - The browser's WebSocket, `fetch` and timers do the work, so heartbeats, reconnects and subscriptions go on in a hidden
//!   tab, where a game has no frames. What comes meanwhile is handed over, in order, once there are frames again; how much
//!   may wait is in [`Limits`](config::Limits). Timers of a hidden tab run once a second, after a while once a minute.
//! - The link is checked at once when the browser goes online or offline, when the tab is shown and when a frozen page runs
//!   again. A page that is left closes its connection; one that comes back by the history connects again.
//! - The auth endpoint has to allow the page's origin (`Access-Control-Allow-Origin`), and headers of the game's own in the
//!   answer to the browser's `OPTIONS` (`Access-Control-Allow-Headers`). Its URL may be relative to the page. Cookies go
//!   along as [`with_credentials`](auth::AuthEndpoint::with_credentials) says.
//! - A page that came by https reaches wss and https only.
//! - Of a connection that could not be made, and of one that broke, the browser tells no reason.
//! - Code of the game's own ([authorizers](auth::Authorizer), providers, [transports](transport)) runs on the only thread
//!   there is, between the frames. It must not block, and a panic in it ends the game where panics abort, as is usual there.
//!
//! Not there at all, because the browser decides: [`with_ca_certificate`](PusherConfig::with_ca_certificate),
//! [`with_proxy`](PusherConfig::with_proxy), [`with_handshake_header`](PusherConfig::with_handshake_header) and
//! [`with_handshake_header_provider`](PusherConfig::with_handshake_header_provider). The feature `native-tls` adds nothing.
//!
//! # When things go wrong
//!
//! What fails is logged once as a warning: a connection that is lost or given up, a channel that is refused, the first event
//! of a kind that cannot be decoded.
//!
//! | symptom | look at |
//! |---|---|
//! | never connects | [`PusherConnection::state`] and [`last_error`](PusherConnection::last_error) say what was tried and what came back |
//! | connects, then `Failed` with 4001 | the key, the cluster or the host |
//! | a channel is `Failed`: no authorizer | a private or presence channel needs an [auth endpoint](#authorization) or an authorizer |
//! | a channel is `Failed` with 404 | the URL of the auth endpoint |
//! | a channel is `Failed` with 401 or 403 | the headers of the auth endpoint; its backend's log |
//! | a channel is `Failed`: not a JSON object | the URL leads to a login page, or to a catch-all route |
//! | a channel is `Failed`: no answer in time | the server refused without a word: the signature, made with another secret |
//! | a typed event never comes | [`PusherDecodeFailed`]; the spelling of the name |
//! | client events do not come through | [`PusherSendAnswered`]; whether the app has client events switched on |
//! | nothing arrives in `FixedUpdate` while paused | virtual time is paused: use an observer or `Update` |
//!
//! `cargo run --example monitor -- --help` in the repository is a client for the terminal that shows what a server sends.
//!
//! # Security and logs
//!
//! The app's secret stays on the backend. Whatever a client event says about its sender, the sender says; only
//! [`PusherEvent::user_id`] is vouched for by the server. The plugin logs no secrets, but the libraries beneath it print
//! whole frames and requests at trace level. For logs that leave the machine use a filter such as
//! `info,tungstenite=info,ureq=info,ureq_proto=info`.
//!
//! # Testing a game
//!
//! With the feature `testing` a game tests itself without a network: the module `testing` has a server that lives in the
//! same process, where time passes as the test says.
//!
//! ```
//! # #[cfg(feature = "testing")] {
//! # use bevy::prelude::*;
//! use bevy_pusher::{prelude::*, testing::TestServer};
//!
//! # fn add_game(app: &mut App) {}
//! let server = TestServer::new();
//! let mut app = App::new();
//! app.add_plugins((MinimalPlugins, PusherPlugin::new(server.config())));
//! # add_game(&mut app);
//! let vip = app.world_mut().spawn(PusherChannel::new("private-vip")).id();
//! server.refuse("private-vip", 403);
//! server.update_until(&mut app, |world| {
//!     matches!(world.get(vip), Some(PusherSubscription::Failed { error }) if error.status() == Some(403))
//! });
//! # }
//! ```
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `native-tls` | yes | wss and https through the platform's TLS library |
//! | `native-tls-vendored` | | the same with OpenSSL built from source |
//! | `encrypted` | yes | `private-encrypted-` channels |
//! | `winit` | | wakes a reactive window when something arrives |
//! | `local-auth` | | `LocalAuthorizer` signs with the app's secret: for development only |
//! | `window` | | notices when a phone puts the app into the background and brings it back |
//! | `testing` | | a server in the game's own process, with which a game tests itself |
//! | `diagnostics` | | `PusherDiagnosticsPlugin`: round trip, events and bytes a second and more, as Bevy's diagnostics |
//! | `states` | | `PusherStatesPlugin`: the connection's state as one of Bevy's `States` |

mod app_ext;
pub mod auth;
mod channel;
mod client;
pub mod config;
mod connection;
mod delivery;
#[cfg(feature = "diagnostics")]
mod diagnostics;
mod driver;
mod event;
mod handover;
#[cfg(feature = "window")]
mod lifecycle;
mod plugin;
mod presence;
mod receive;
mod sending;
#[cfg(not(target_arch = "wasm32"))]
mod sleep;
#[cfg(feature = "states")]
mod states;
#[cfg(all(feature = "testing", not(target_arch = "wasm32")))]
pub mod testing;
pub mod transport;
mod user;
mod waker;

pub use app_ext::PusherAppExt;
pub use channel::{
    PusherCacheMissed, PusherChannel, PusherSubscribeExtras, PusherSubscribed, PusherSubscription,
    PusherSubscriptionChanged, PusherSubscriptionCount,
};
pub use config::PusherConfig;
pub use connection::{
    ConnectionState, PusherConnection, PusherErrorReported, PusherStateChanged, pusher_connected,
    pusher_failed, pusher_signed_in, pusher_waiting,
};
#[cfg(feature = "diagnostics")]
pub use diagnostics::PusherDiagnosticsPlugin;
pub use event::{
    LagCause, PusherConnectionEvent, PusherDecodeFailed, PusherEvent, PusherLagged, RawData,
};
pub use plugin::{PusherPlugin, PusherSystems};
pub use presence::{
    PusherMember, PusherMemberEntities, PusherMemberJoined, PusherMemberLeft, PusherMemberOf,
    PusherMembers, PusherSpawnMembers,
};
pub use pusher_protocol::{
    ChannelKind, ChannelNameError,
    protocol::Member,
    session::{ConnectionError, DialPhase, PusherError, SignInError, SubscriptionError},
};
pub use sending::{PusherSendAnswered, SendError, SendId, SendMode, SendOutcome};
#[cfg(feature = "states")]
pub use states::{PusherState, PusherStatesPlugin};
pub use user::{
    PusherSignInChanged, PusherUser, PusherUserEvent, PusherWatchlistChanged, SignInState,
};
pub use waker::PusherWaker;

/// What most games use. All of it starts with `Pusher`.
pub mod prelude {
    pub use crate::{
        PusherAppExt, PusherCacheMissed, PusherChannel, PusherConfig, PusherConnection,
        PusherDecodeFailed, PusherErrorReported, PusherEvent, PusherLagged, PusherMember,
        PusherMemberJoined, PusherMemberLeft, PusherMemberOf, PusherMembers, PusherPlugin,
        PusherSendAnswered, PusherSignInChanged, PusherSpawnMembers, PusherStateChanged,
        PusherSubscribed, PusherSubscription, PusherSubscriptionChanged, PusherSubscriptionCount,
        PusherSystems, PusherUser, PusherUserEvent, PusherWatchlistChanged, pusher_connected,
        pusher_failed, pusher_signed_in, pusher_waiting,
    };
}
