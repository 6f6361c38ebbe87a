//! The game's backend: who may subscribe, and who the user is.

use std::{sync::Arc, time::Duration};

use bevy_platform::collections::HashMap;
use pusher_protocol::{ChannelName, config::Timing, session::RequestId};
use wasm_bindgen_futures::spawn_local;
use web_sys::AbortController;

use super::{
    fetch,
    mailbox::{Mailbox, Message},
    script,
};
use crate::{
    auth::{
        AuthEndpoint, AuthError, AuthRequest, ChannelAuth, ChannelAuthorization, Reply, UserAuth,
        UserAuthRequest, UserAuthentication,
    },
    config::PusherConfig,
};

/// How much sooner than the session a request gives up, at most: its error says more than the session's.
const HEAD_START: Duration = Duration::from_millis(100);

/// What is asked for.
trait Answer: Sized + 'static {
    fn parse(body: &str) -> Result<Self, AuthError>;
    fn message(id: RequestId, answer: Result<Self, AuthError>) -> Message;
}

impl Answer for ChannelAuthorization {
    fn parse(body: &str) -> Result<Self, AuthError> {
        Self::from_json(body)
    }

    fn message(id: RequestId, answer: Result<Self, AuthError>) -> Message {
        Message::Authorized(id, answer)
    }
}

impl Answer for UserAuthentication {
    fn parse(body: &str) -> Result<Self, AuthError> {
        Self::from_json(body)
    }

    fn message(id: RequestId, answer: Result<Self, AuthError>) -> Message {
        Message::Authenticated(id, answer)
    }
}

/// Asks the game's backend; answers go to the mailbox. The game's own code runs between the frames, never within one, so
/// that it finds nothing locked that a system of the game has locked.
pub(super) struct Backend {
    mailbox: Mailbox,
    /// The requests that are under way.
    asked: HashMap<RequestId, Asked>,
}

struct Asked {
    abort: AbortController,
    deadline: Duration,
    /// The message that it failed.
    message: fn(RequestId, AuthError) -> Message,
}

impl Backend {
    pub(super) fn new(mailbox: Mailbox) -> Self {
        Self {
            mailbox,
            asked: HashMap::default(),
        }
    }

    /// How long a request may take.
    pub(super) fn allowed(timing: &Timing) -> Duration {
        let allowed = timing
            .authorization_timeout
            .clamp(Timing::SHORTEST, Timing::LONGEST);
        allowed - HEAD_START.min(allowed / 10)
    }

    /// Asks whether this connection may subscribe to a channel.
    pub(super) fn authorize(
        &mut self,
        config: &PusherConfig,
        id: RequestId,
        deadline: Duration,
        channel: &ChannelName,
        socket_id: Arc<str>,
    ) {
        let channel = channel.as_shared().clone();
        match config.auth_of(&channel).cloned() {
            None => self.fail::<ChannelAuthorization>(id, AuthError::NoAuthorizer),
            Some(ChannelAuth::Endpoint(endpoint)) => {
                let fields = vec![("socket_id", socket_id), ("channel_name", channel)];
                self.ask_endpoint::<ChannelAuthorization>(id, deadline, endpoint, fields);
            }
            Some(ChannelAuth::Custom(authorizer)) => self.ask_game(id, move |reply| {
                authorizer.authorize(AuthRequest::new(channel, socket_id), reply);
            }),
        }
    }

    /// Asks who the user of this connection is.
    pub(super) fn authenticate(
        &mut self,
        config: &PusherConfig,
        id: RequestId,
        deadline: Duration,
        socket_id: Arc<str>,
    ) {
        match config.user_auth.clone() {
            None => self.fail::<UserAuthentication>(id, AuthError::NoAuthorizer),
            Some(UserAuth::Endpoint(endpoint)) => {
                let fields = vec![("socket_id", socket_id)];
                self.ask_endpoint::<UserAuthentication>(id, deadline, endpoint, fields);
            }
            Some(UserAuth::Custom(authenticator)) => self.ask_game(id, move |reply| {
                authenticator.authenticate(UserAuthRequest::new(socket_id), reply);
            }),
        }
    }

    /// Nobody waits for this answer any more.
    pub(super) fn cancel(&mut self, id: RequestId) {
        if let Some(asked) = self.asked.remove(&id) {
            asked.abort.abort();
        }
    }

    /// The answer came.
    pub(super) fn is_answered(&mut self, id: RequestId) {
        self.asked.remove(&id);
    }

    /// The connection is over, and with it whatever is asked on its behalf.
    pub(super) fn hang_up(&mut self) {
        for (_, asked) in self.asked.drain() {
            asked.abort.abort();
        }
    }

    /// When the next request is to be given up.
    pub(super) fn due(&self) -> Option<Duration> {
        self.asked.values().map(|asked| asked.deadline).min()
    }

    /// Gives up what should have been answered by now.
    pub(super) fn give_up(&mut self, now: Duration) {
        for (id, asked) in self.asked.extract_if(|_, asked| asked.deadline <= now) {
            asked.abort.abort();
            self.mailbox.post((asked.message)(id, AuthError::TimedOut));
        }
    }

    fn ask_endpoint<T: Answer>(
        &mut self,
        id: RequestId,
        deadline: Duration,
        endpoint: AuthEndpoint,
        fields: Vec<(&'static str, Arc<str>)>,
    ) {
        let abort = match AbortController::new() {
            Ok(abort) => abort,
            Err(exception) => {
                let said = script::words_of(&exception);
                return self.fail::<T>(id, AuthError::Unreachable(said));
            }
        };
        let signal = abort.signal();
        self.asked.insert(
            id,
            Asked {
                abort,
                deadline,
                message: |id, error| T::message(id, Err(error)),
            },
        );
        let mailbox = self.mailbox.clone();
        spawn_local(async move {
            let body = fetch::ask(&endpoint, &fields, &signal).await;
            if !signal.aborted() {
                mailbox.post(T::message(id, body.and_then(|body| T::parse(&body))));
            }
        });
    }

    /// Has the game's own code answer.
    fn ask_game<T: Answer>(&self, id: RequestId, ask: impl FnOnce(Reply<T>) + 'static) {
        let mailbox = self.mailbox.clone();
        spawn_local(async move {
            // Dropped without an answer, it answers by itself.
            ask(Reply::new(move |answer| {
                mailbox.post(T::message(id, answer));
            }));
        });
    }

    fn fail<T: Answer>(&self, id: RequestId, error: AuthError) {
        self.mailbox.post(T::message(id, Err(error)));
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.hang_up();
    }
}
