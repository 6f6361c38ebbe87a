//! The game's backend: who may subscribe, and who the user is.

mod http;
mod request;
mod transport;

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use pusher_protocol::{
    ChannelName,
    config::Timing,
    session::{AUTHORIZATIONS_AT_ONCE, RequestId},
};

use super::{
    cutoff::Cutoff,
    mailbox::{Mailbox, Message},
    network::{Network, later},
    workers::Workers,
};
use crate::{
    auth::{
        AuthError, AuthRequest, ChannelAuth, ChannelAuthorization, Reply, UserAuth,
        UserAuthRequest, UserAuthentication,
    },
    config::PusherConfig,
};
use http::Http;

/// How much sooner than the session a request gives up, at most: its error says more than the session's.
const HEAD_START: Duration = Duration::from_millis(100);

/// How many requests run at a time: all that the session asks at once, lest the time for an answer runs while a request
/// waits for its turn.
const AT_ONCE: usize = AUTHORIZATIONS_AT_ONCE + 1;

/// How many threads there may be for them, with those that hang in a request nobody waits for any more.
const MOST_WORKERS: usize = 4 * AT_ONCE;

/// How an answer becomes a message to the network thread.
type ToMessage<T> = fn(RequestId, Result<T, AuthError>) -> Message;

/// Asks the game's backend, off the network thread; answers go to the mailbox. HTTP and the game's own authorizers have
/// workers of their own, so that one of these that hangs does not hold up the other.
pub(super) struct Backend {
    mailbox: Mailbox,
    cutoff: Arc<Cutoff>,
    network: Network,
    http: Option<Arc<Http>>,
    http_workers: Workers<RequestId>,
    own_workers: Workers<RequestId>,
}

impl Backend {
    pub(super) fn new(mailbox: Mailbox, network: Network, cutoff: Arc<Cutoff>) -> Self {
        Self {
            mailbox,
            cutoff,
            network,
            http: None,
            http_workers: Workers::new("pusher-http", AT_ONCE, MOST_WORKERS),
            own_workers: Workers::new("pusher-auth", AT_ONCE, MOST_WORKERS),
        }
    }

    /// Asks whether this connection may subscribe to a channel.
    pub(super) fn authorize(
        &mut self,
        config: &PusherConfig,
        id: RequestId,
        channel: &ChannelName,
        socket_id: Arc<str>,
    ) {
        let channel = channel.as_shared().clone();
        let answer = Message::Authorized;
        match config.auth_of(&channel).cloned() {
            None => self.mailbox.post(answer(id, Err(AuthError::NoAuthorizer))),
            Some(ChannelAuth::Endpoint(endpoint)) => {
                self.ask_endpoint(config, id, answer, move |http, deadline| {
                    let fields = [("socket_id", &*socket_id), ("channel_name", &*channel)];
                    ChannelAuthorization::from_json(&http.ask(&endpoint, &fields, deadline)?)
                });
            }
            Some(ChannelAuth::Custom(authorizer)) => self.ask_game(id, answer, move |reply| {
                authorizer.authorize(AuthRequest::new(channel, socket_id), reply);
            }),
        }
    }

    /// Asks who the user of this connection is.
    pub(super) fn authenticate(
        &mut self,
        config: &PusherConfig,
        id: RequestId,
        socket_id: Arc<str>,
    ) {
        let answer = Message::Authenticated;
        match config.user_auth.clone() {
            None => self.mailbox.post(answer(id, Err(AuthError::NoAuthorizer))),
            Some(UserAuth::Endpoint(endpoint)) => {
                self.ask_endpoint(config, id, answer, move |http, deadline| {
                    let fields = [("socket_id", &*socket_id)];
                    UserAuthentication::from_json(&http.ask(&endpoint, &fields, deadline)?)
                });
            }
            Some(UserAuth::Custom(authenticator)) => self.ask_game(id, answer, move |reply| {
                authenticator.authenticate(UserAuthRequest::new(socket_id), reply);
            }),
        }
    }

    /// Nobody waits for this answer any more.
    pub(super) fn cancel(&self, id: RequestId) {
        self.http_workers.cancel(id);
        self.own_workers.cancel(id);
    }

    /// The connection is over, and with it whatever is asked on its behalf.
    pub(super) fn hang_up(&mut self) {
        if let Some(http) = self.http.take() {
            http.cut();
        }
    }

    /// Goes over to another network; what is under way finishes on the old one.
    pub(super) fn set_network(&mut self, network: Network) {
        self.network = network;
        self.http = None;
    }

    /// Makes a request by HTTP. Its time runs from now, as the session's does.
    fn ask_endpoint<T: 'static>(
        &mut self,
        config: &PusherConfig,
        id: RequestId,
        answer: ToMessage<T>,
        ask: impl FnOnce(&Http, Instant) -> Result<T, AuthError> + Send + 'static,
    ) {
        let allowed = config.timing.authorization_timeout.max(Timing::SHORTEST);
        let deadline = later(allowed - HEAD_START.min(allowed / 10));
        let http = self
            .http
            .get_or_insert_with(|| Arc::new(Http::new(self.network.clone(), &self.cutoff)))
            .clone();
        let mailbox = self.mailbox.clone();
        let submitted = self.http_workers.submit(id, move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| ask(&http, deadline)));
            mailbox.post(answer(id, outcome.unwrap_or(Err(AuthError::Panicked))));
        });
        self.see_to(submitted, id, answer);
    }

    /// Has the game's own code answer.
    fn ask_game<T: 'static>(
        &self,
        id: RequestId,
        answer: ToMessage<T>,
        ask: impl FnOnce(Reply<T>) + Send + 'static,
    ) {
        let mailbox = self.mailbox.clone();
        let submitted = self.own_workers.submit(id, move || {
            // Dropped without an answer, also by a panic, it answers by itself.
            ask(Reply::new(move |outcome| mailbox.post(answer(id, outcome))));
        });
        self.see_to(submitted, id, answer);
    }

    fn see_to<T>(&self, submitted: io::Result<()>, id: RequestId, answer: ToMessage<T>) {
        if let Err(error) = submitted {
            let reason = format!("no thread could be started: {error}");
            self.mailbox
                .post(answer(id, Err(AuthError::Unreachable(reason))));
        }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.hang_up();
    }
}
