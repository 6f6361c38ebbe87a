//! Callbacks that authorize channels and users. They answer when a test requests it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bevy_pusher::auth::{
    AuthReply, AuthRequest, Authenticator, Authorizer, UserAuthReply, UserAuthRequest,
};

/// The pending requests.
#[derive(Clone, Default)]
pub(crate) struct CallbackAuth(Arc<Mutex<Pending>>);

#[derive(Default)]
struct Pending {
    channel: Option<(AuthRequest, AuthReply)>,
    user: Option<(UserAuthRequest, UserAuthReply)>,
}

impl CallbackAuth {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes and returns the pending authorization.
    pub(crate) fn take_authorization(&self) -> Option<(AuthRequest, AuthReply)> {
        self.lock().channel.take()
    }

    /// Removes and returns the pending sign-in.
    pub(crate) fn take_sign_in(&self) -> Option<(UserAuthRequest, UserAuthReply)> {
        self.lock().user.take()
    }

    /// Returns the channel and the socket id of the pending authorization.
    pub(crate) fn pending_authorization(&self) -> Option<(String, String)> {
        let pending = self.lock();
        let (request, _) = pending.channel.as_ref()?;
        Some((request.channel().to_owned(), request.socket_id().to_owned()))
    }

    /// Returns the socket id of the pending sign-in.
    pub(crate) fn pending_sign_in(&self) -> Option<String> {
        let pending = self.lock();
        let (request, _) = pending.user.as_ref()?;
        Some(request.socket_id().to_owned())
    }
}

impl Authorizer for CallbackAuth {
    fn authorize(&self, request: AuthRequest, reply: AuthReply) {
        self.lock().channel = Some((request, reply));
    }
}

impl Authenticator for CallbackAuth {
    fn authenticate(&self, request: UserAuthRequest, reply: UserAuthReply) {
        self.lock().user = Some((request, reply));
    }
}
