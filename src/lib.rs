//! A Pusher Channels client as a Bevy plugin.

pub mod auth;
mod channel;
mod client;
pub mod config;
mod connection;
mod delivery;
mod driver;
mod event;
mod handover;
mod plugin;
mod presence;
mod receive;
mod sending;
mod user;
mod waker;

pub use channel::{
    PusherCacheMissed, PusherChannel, PusherSubscribed, PusherSubscription,
    PusherSubscriptionChanged, PusherSubscriptionCount,
};
pub use config::PusherConfig;
pub use connection::{
    ConnectionState, PusherConnection, PusherErrorReported, PusherStateChanged, pusher_connected,
    pusher_failed, pusher_signed_in, pusher_waiting,
};
pub use event::{
    LagCause, PusherConnectionEvent, PusherDecodeFailed, PusherEvent, PusherLagged, RawData,
};
pub use plugin::{PusherAppExt, PusherPlugin, PusherSystems};
pub use presence::{PusherMemberJoined, PusherMemberLeft, PusherMembers};
pub use pusher_protocol::{
    ChannelKind, ChannelNameError,
    protocol::Member,
    session::{ConnectionError, DialPhase, PusherError, SignInError, SubscriptionError},
};
pub use sending::{PusherSendAnswered, SendError, SendId, SendOutcome};
pub use user::{
    PusherSignInChanged, PusherUser, PusherUserEvent, PusherWatchlistChanged, SignInState,
};
pub use waker::PusherWaker;

/// What most games use. All of it starts with `Pusher`.
pub mod prelude {
    pub use crate::{
        PusherAppExt, PusherCacheMissed, PusherChannel, PusherConfig, PusherConnection,
        PusherDecodeFailed, PusherErrorReported, PusherEvent, PusherLagged, PusherMemberJoined,
        PusherMemberLeft, PusherMembers, PusherPlugin, PusherSendAnswered, PusherSignInChanged,
        PusherStateChanged, PusherSubscribed, PusherSubscription, PusherSubscriptionChanged,
        PusherSubscriptionCount, PusherSystems, PusherUser, PusherUserEvent,
        PusherWatchlistChanged, pusher_connected, pusher_failed, pusher_signed_in, pusher_waiting,
    };
}
