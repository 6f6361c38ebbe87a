//! Sends the session's queries to the game's backend. User code is called between frames and never within one, so that no system holds a
//! lock that it needs.

use std::time::Duration;

use bevy_platform::collections::HashMap;
use pusher_protocol::session::{Input, RequestId};
use wasm_bindgen_futures::spawn_local;
use web_sys::AbortController;

use super::{
    fetch, js,
    messages::{Message, MessageSender},
};
use crate::{
    auth::AuthError,
    config::PusherConfig,
    driver::{
        AuthQuery, AuthTask,
        authorizing::{EndpointRequest, UserCodeCall, time_for_request},
    },
};

/// Runs queries.
pub(super) struct AuthRunner {
    sender: MessageSender,
    /// HTTP requests in progress.
    requests: HashMap<RequestId, Pending>,
}

struct Pending {
    query: AuthQuery,
    abort: AbortController,
    deadline: Duration,
}

impl AuthRunner {
    pub(super) fn new(sender: MessageSender) -> Self {
        Self {
            sender,
            requests: HashMap::default(),
        }
    }

    /// Starts a query.
    pub(super) fn start(&mut self, query: AuthQuery, config: &PusherConfig, now: Duration) {
        match query.into_task(config) {
            AuthTask::Answered(answer) => self.post(answer),
            AuthTask::Endpoint(request) => {
                self.ask(request, now + time_for_request(&config.timing));
            }
            AuthTask::UserCode(call) => self.call(call),
        }
    }

    /// Cancels a query whose answer is no longer needed.
    pub(super) fn cancel(&mut self, id: RequestId) {
        if let Some(pending) = self.requests.remove(&id) {
            pending.abort.abort();
        }
    }

    /// Forgets the request that an input answers.
    pub(super) fn on_input(&mut self, input: &Input) {
        if let Input::Authorized(id, _) | Input::Authenticated(id, _) = input {
            self.requests.remove(id);
        }
    }

    /// Cancels the HTTP requests of a connection that has ended.
    pub(super) fn cancel_requests(&mut self) {
        for (_, pending) in self.requests.drain() {
            pending.abort.abort();
        }
    }

    /// Returns the earliest deadline of a request.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.requests.values().map(|pending| pending.deadline).min()
    }

    /// Ends the requests whose deadline has passed.
    pub(super) fn time_out(&mut self, now: Duration) {
        for (_, pending) in self
            .requests
            .extract_if(|_, pending| pending.deadline <= now)
        {
            pending.abort.abort();
            let answer = pending.query.failure(AuthError::TimedOut);
            self.sender.post(Message::Input(answer));
        }
    }

    fn ask(&mut self, request: EndpointRequest, deadline: Duration) {
        let query = request.query.clone();
        let abort = match AbortController::new() {
            Ok(abort) => abort,
            Err(exception) => {
                let error = AuthError::Unreachable(js::error_message(&exception));
                return self.post(query.failure(error));
            }
        };
        let signal = abort.signal();
        let pending = Pending {
            query: query.clone(),
            abort,
            deadline,
        };
        self.requests.insert(query.id(), pending);
        let sender = self.sender.clone();
        spawn_local(async move {
            let body = fetch::post(&request, &signal).await;
            if !signal.aborted() {
                sender.post(Message::Input(query.answer(body)));
            }
        });
    }

    fn call(&self, call: UserCodeCall) {
        let sender = self.sender.clone();
        spawn_local(async move {
            call.run(move |answer| sender.post(Message::Input(answer)));
        });
    }

    fn post(&self, answer: Input) {
        self.sender.post(Message::Input(answer));
    }
}

impl Drop for AuthRunner {
    fn drop(&mut self) {
        self.cancel_requests();
    }
}
