//! The signed-in user: the resource with the state of the sign-in and the watchlist, their events, and a run condition. Signing in and
//! out are methods of [`PusherConnection`](crate::PusherConnection).

use std::{collections::BTreeSet, sync::Arc};

use bevy_ecs::prelude::*;
use bevy_reflect::prelude::*;
use serde::de::DeserializeOwned;

pub use pusher_protocol::session::SignInState;

use crate::event::{EventKind, ExtraFields, RawData, server_event};

/// The signed-in user, and which users on their watchlist are online. A resource that exists as long as the plugin.
///
/// [`PusherConnection::sign_in`](crate::PusherConnection::sign_in) signs in, now and after every reconnect, until
/// [`sign_out`](crate::PusherConnection::sign_out). Change detection reports the resource as changed only after a change of the
/// sign-in or the watchlist.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_pusher::prelude::*;
/// fn friends(user: Res<PusherUser>) {
///     for friend in user.online() {
///         info!("{friend} is online");
///     }
/// }
/// # App::new().add_systems(Update, friends.run_if(pusher_signed_in));
/// ```
#[derive(Resource, Clone, Debug, Default, Reflect)]
#[reflect(opaque)]
#[reflect(Resource, Default, Debug, Clone)]
pub struct PusherUser {
    state: SignInState,
    online: BTreeSet<String>,
}

impl PusherUser {
    /// Returns the state of the sign-in.
    #[must_use]
    pub fn state(&self) -> &SignInState {
        &self.state
    }

    /// Whether a user is signed in. Always false without a connection.
    #[must_use]
    pub fn is_signed_in(&self) -> bool {
        self.id().is_some()
    }

    /// Returns the user's id, while signed in.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match &self.state {
            SignInState::SignedIn { id, .. } => Some(id),
            SignInState::SignedOut | SignInState::SigningIn | SignInState::Failed(_) => None,
        }
    }

    /// Returns the `user_data` of the game's backend as JSON, while signed in.
    #[must_use]
    pub fn data_json(&self) -> Option<&str> {
        match &self.state {
            SignInState::SignedIn { user_data, .. } => Some(user_data),
            SignInState::SignedOut | SignInState::SigningIn | SignInState::Failed(_) => None,
        }
    }

    /// Returns the `user_data` of the game's backend, decoded, while signed in.
    ///
    /// # Errors
    /// Returns the error of `serde_json` if the JSON does not fit the type.
    pub fn data<T: DeserializeOwned>(&self) -> Option<Result<T, serde_json::Error>> {
        self.data_json().map(serde_json::from_str)
    }

    /// Returns the ids of the users on the watchlist who are online, in lexical order.
    pub fn online(&self) -> impl ExactSizeIterator<Item = &str> {
        self.online.iter().map(String::as_str)
    }

    /// Whether a user on the watchlist is online.
    #[must_use]
    pub fn is_online(&self, id: &str) -> bool {
        self.online.contains(id)
    }

    pub(crate) fn set_state(&mut self, state: SignInState) {
        if state == SignInState::SignedOut {
            self.online.clear();
        }
        self.state = state;
    }

    pub(crate) fn update_online(&mut self, event: &str, user_ids: &[String]) {
        match event {
            "online" => self.online.extend(user_ids.iter().cloned()),
            "offline" => {
                for id in user_ids {
                    self.online.remove(id);
                }
            }
            _ => {}
        }
    }
}

/// The state of the sign-in has changed.
///
/// It is a [`Message`] and an [`Event`].
#[derive(Message, Event, Clone, Debug)]
pub struct PusherSignInChanged {
    pub(crate) state: SignInState,
}

impl PusherSignInChanged {
    /// Returns the new state.
    #[must_use]
    pub fn state(&self) -> &SignInState {
        &self.state
    }
}

/// Users on the watchlist went online or offline. [`PusherUser::online`] is already updated.
///
/// It is a [`Message`] and an [`Event`].
#[derive(Message, Event, Clone, Debug)]
pub struct PusherWatchlistChanged {
    pub(crate) event: String,
    pub(crate) user_ids: Vec<String>,
}

impl PusherWatchlistChanged {
    /// Returns `online`, `offline`, or another event name of the server.
    #[must_use]
    pub fn change(&self) -> &str {
        &self.event
    }

    /// Whether the users went online.
    #[must_use]
    pub fn is_online(&self) -> bool {
        self.event == "online"
    }

    /// Returns the ids of the users.
    pub fn user_ids(&self) -> impl ExactSizeIterator<Item = &str> {
        self.user_ids.iter().map(String::as_str)
    }
}

/// An event that the game's backend sends to the signed-in user only.
///
/// As with [`PusherEvent`](crate::PusherEvent), it is delivered undecoded as `PusherUserEvent`. If its name is registered with
/// [`add_pusher_user_event`](crate::PusherAppExt::add_pusher_user_event), it is also delivered decoded, as `PusherUserEvent<T>`.
///
/// It is a [`Message`] and an [`Event`].
#[derive(Message, Event, Clone, Debug)]
pub struct PusherUserEvent<T: Send + Sync + 'static = RawData> {
    pub(crate) kind: Arc<EventKind>,
    pub(crate) extras: Option<ExtraFields>,
    pub(crate) data: T,
}

server_event!([T: Send + Sync + 'static] PusherUserEvent<T>, T);

/// A run condition: the user is signed in.
#[must_use]
pub fn pusher_signed_in(user: Option<Res<PusherUser>>) -> bool {
    user.is_some_and(|user| user.is_signed_in())
}
