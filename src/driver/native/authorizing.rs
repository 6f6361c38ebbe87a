//! Sends the session's queries to the game's backend, on threads of their own. The session decides how many run at a time.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use pusher_protocol::session::{AUTHORIZATIONS_AT_ONCE, Input};

use super::{
    cancel::CancelToken,
    connector::{Connector, later},
    http::Http,
    messages::{Message, MessageSender},
    threads::Threads,
};
use crate::{
    auth::AuthError,
    config::PusherConfig,
    driver::{
        AuthQuery, AuthTask,
        authorizing::{EndpointRequest, UserCodeCall, time_for_request},
    },
};

/// How many threads of one kind there may be. The session runs [`AUTHORIZATIONS_AT_ONCE`] queries and a sign-in at a time, but user code
/// may hang after the session has given up waiting for it.
const MOST_THREADS: usize = 4 * (AUTHORIZATIONS_AT_ONCE + 1);

/// Runs queries. The answers are sent to the network thread. Requests to endpoints and custom authorizers have separate limits, so that an
/// authorizer that hangs does not keep endpoints from being asked.
pub(super) struct AuthRunner {
    sender: MessageSender,
    token: Arc<CancelToken>,
    connector: Connector,
    /// Created when needed, for one connection to the Pusher server: when that ends, its requests are cancelled.
    http: Option<Arc<Http>>,
    http_threads: Threads,
    user_code_threads: Threads,
}

impl AuthRunner {
    pub(super) fn new(
        sender: MessageSender,
        connector: Connector,
        token: Arc<CancelToken>,
    ) -> Self {
        Self {
            sender,
            token,
            connector,
            http: None,
            http_threads: Threads::new("pusher-http", MOST_THREADS),
            user_code_threads: Threads::new("pusher-auth", MOST_THREADS),
        }
    }

    /// Starts a query.
    pub(super) fn start(&mut self, query: AuthQuery, config: &PusherConfig) {
        match query.into_task(config) {
            AuthTask::Answered(answer) => self.sender.post(Message::Input(answer)),
            AuthTask::Endpoint(request) => self.ask(request, config),
            AuthTask::UserCode(call) => self.call(call),
        }
    }

    /// Cancels the HTTP requests of a connection that has ended.
    pub(super) fn cancel_requests(&mut self) {
        if let Some(http) = self.http.take() {
            http.cancel();
        }
    }

    /// Uses another connector from the next request on. Requests in progress finish on the old one.
    pub(super) fn set_connector(&mut self, connector: Connector) {
        self.connector = connector;
        self.http = None;
    }

    fn ask(&mut self, request: EndpointRequest, config: &PusherConfig) {
        // The session's time for an answer starts now, too.
        let deadline = later(time_for_request(&config.timing));
        let http = self
            .http
            .get_or_insert_with(|| Arc::new(Http::new(self.connector.clone(), &self.token)))
            .clone();
        let (query, post) = (request.query.clone(), self.post());
        let started = self.http_threads.spawn(move || {
            // The providers of headers and parameters are user code.
            let body = catch_unwind(AssertUnwindSafe(|| http.post(&request, deadline)));
            let body = body.unwrap_or(Err(AuthError::Panicked));
            post(request.query.answer(body));
        });
        self.report_spawn_failure(started, &query);
    }

    fn call(&self, call: UserCodeCall) {
        let (query, post) = (call.query.clone(), self.post());
        let started = self.user_code_threads.spawn(move || call.run(post));
        self.report_spawn_failure(started, &query);
    }

    fn post(&self) -> impl FnOnce(Input) + Send + 'static {
        let sender = self.sender.clone();
        move |input| sender.post(Message::Input(input))
    }

    fn report_spawn_failure(&self, started: std::io::Result<()>, query: &AuthQuery) {
        if let Err(error) = started {
            let error = AuthError::Unreachable(format!(
                "no thread could be started for the request: {error}"
            ));
            self.sender.post(Message::Input(query.failure(error)));
        }
    }
}

impl Drop for AuthRunner {
    fn drop(&mut self) {
        self.cancel_requests();
    }
}
