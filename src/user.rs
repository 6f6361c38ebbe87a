//! The signed-in user.

use std::{collections::BTreeSet, sync::Arc};

use bevy_ecs::prelude::*;
use bevy_reflect::prelude::*;
use serde::de::DeserializeOwned;

pub use pusher_protocol::session::SignInState;

use crate::event::{EventKind, ExtraFields, RawData, has_extras};

/// The user whom this client is signed in as, and who of their watchlist is online. A resource, always there.
///
/// [`PusherConnection::sign_in`](crate::PusherConnection::sign_in) starts it, and it holds across reconnects until
/// [`sign_out`](crate::PusherConnection::sign_out). Marked as changed only when it did.
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
    /// How far the sign-in is.
    #[must_use]
    pub fn state(&self) -> &SignInState {
        &self.state
    }

    /// Whether somebody is signed in.
    #[must_use]
    pub fn is_signed_in(&self) -> bool {
        self.id().is_some()
    }

    /// The user's id, once signed in.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match &self.state {
            SignInState::SignedIn { id, .. } => Some(id),
            SignInState::SignedOut | SignInState::SigningIn | SignInState::Failed(_) => None,
        }
    }

    /// What the game's backend says of the user, as JSON, once signed in.
    #[must_use]
    pub fn data_json(&self) -> Option<&str> {
        match &self.state {
            SignInState::SignedIn { user_data, .. } => Some(user_data),
            SignInState::SignedOut | SignInState::SigningIn | SignInState::Failed(_) => None,
        }
    }

    /// The same, decoded.
    pub fn data<T: DeserializeOwned>(&self) -> Option<Result<T, serde_json::Error>> {
        self.data_json().map(serde_json::from_str)
    }

    /// The ids of those on the watchlist who are online, in order.
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

/// The sign-in got further, failed, or ended.
///
/// It is a [`Message`] and an [`Event`].
#[derive(Message, Event, Clone, Debug)]
pub struct PusherSignInChanged {
    pub(crate) state: SignInState,
}

impl PusherSignInChanged {
    /// How far it is now.
    #[must_use]
    pub fn state(&self) -> &SignInState {
        &self.state
    }
}

/// Users on the watchlist came or went; [`PusherUser::online`] has the outcome.
///
/// It is a [`Message`] and an [`Event`].
#[derive(Message, Event, Clone, Debug)]
pub struct PusherWatchlistChanged {
    pub(crate) event: String,
    pub(crate) user_ids: Vec<String>,
}

impl PusherWatchlistChanged {
    /// `online`, `offline`, or what else the server says.
    #[must_use]
    pub fn change(&self) -> &str {
        &self.event
    }

    /// Whether they came.
    #[must_use]
    pub fn is_online(&self) -> bool {
        self.event == "online"
    }

    /// Whom it is about.
    pub fn user_ids(&self) -> impl ExactSizeIterator<Item = &str> {
        self.user_ids.iter().map(String::as_str)
    }
}

/// An event that the server sends to the signed-in user alone.
///
/// As with [`PusherEvent`](crate::PusherEvent), it arrives undecoded as `PusherUserEvent`, and decoded as
/// `PusherUserEvent<T>` once its name is registered with
/// [`add_pusher_user_event`](crate::PusherAppExt::add_pusher_user_event).
///
/// It is a [`Message`] and an [`Event`].
#[derive(Message, Event, Clone, Debug)]
pub struct PusherUserEvent<T: Send + Sync + 'static = RawData> {
    pub(crate) kind: Arc<EventKind>,
    pub(crate) extras: Option<ExtraFields>,
    pub(crate) data: T,
}

impl<T: Send + Sync + 'static> PusherUserEvent<T> {
    /// The event's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.kind.name
    }

    /// The payload.
    #[must_use]
    pub fn data(&self) -> &T {
        &self.data
    }
}

has_extras!([T: Send + Sync + 'static] PusherUserEvent<T>);

/// A run condition: the user is signed in.
#[must_use]
pub fn pusher_signed_in(user: Option<Res<PusherUser>>) -> bool {
    user.is_some_and(|user| user.is_signed_in())
}
