//! Code of the game's own that authorizes and signs in, and answers when a test says so.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bevy_pusher::auth::{
    AuthReply, AuthRequest, Authenticator, Authorizer, UserAuthReply, UserAuthRequest,
};

/// What waits for an answer.
#[derive(Clone, Default)]
pub(crate) struct ByCode(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    channel: Option<(AuthRequest, AuthReply)>,
    user: Option<(UserAuthRequest, UserAuthReply)>,
}

impl ByCode {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the authorization that waits.
    pub(crate) fn channel(&self) -> Option<(AuthRequest, AuthReply)> {
        self.lock().channel.take()
    }

    /// Takes the sign-in that waits.
    pub(crate) fn user(&self) -> Option<(UserAuthRequest, UserAuthReply)> {
        self.lock().user.take()
    }

    /// The channel and the connection of the authorization that waits.
    pub(crate) fn asked(&self) -> Option<(String, String)> {
        let waiting = self.lock();
        let (request, _) = waiting.channel.as_ref()?;
        Some((request.channel().to_owned(), request.socket_id().to_owned()))
    }

    /// The connection of the sign-in that waits.
    pub(crate) fn asked_for_user(&self) -> Option<String> {
        let waiting = self.lock();
        let (request, _) = waiting.user.as_ref()?;
        Some(request.socket_id().to_owned())
    }
}

impl Authorizer for ByCode {
    fn authorize(&self, request: AuthRequest, reply: AuthReply) {
        self.lock().channel = Some((request, reply));
    }
}

impl Authenticator for ByCode {
    fn authenticate(&self, request: UserAuthRequest, reply: UserAuthReply) {
        self.lock().user = Some((request, reply));
    }
}
