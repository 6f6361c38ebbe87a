//! Requests to the game's backend, for channels and for the user: what answers them, and what is common to HTTP on all platforms. Only
//! the session queues and repeats them; a driver starts each at once.

use std::{sync::Arc, time::Duration};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use pusher_protocol::{
    ChannelName,
    config::Timing,
    session::{Input, RequestId},
};

use super::less_head_start;
use crate::{
    auth::{
        AuthEndpoint, AuthError, AuthRequest, Authenticator, Authorizer, ChannelAuth,
        ChannelAuthorization, Reply, UserAuth, UserAuthRequest, UserAuthentication,
    },
    config::PusherConfig,
    sync::Shared,
};

/// The largest response body, in bytes. An authorization has hundreds, with a large `channel_data` thousands.
pub(super) const BODY_LIMIT: usize = 64 << 10;

/// How much of the body of a refusal is read, for its error message.
pub(super) const REFUSAL_LIMIT: usize = 4 << 10;

/// A query of the session. It is about the user if it names no channel.
#[derive(Clone, Debug)]
pub(crate) struct AuthQuery {
    id: RequestId,
    channel: Option<Arc<str>>,
    socket_id: Arc<str>,
}

/// What answers a query.
pub(crate) enum AuthTask {
    /// Nothing: the answer is already known.
    Answered(Input),
    Endpoint(EndpointRequest),
    UserCode(UserCodeCall),
}

/// A request to an endpoint.
pub(crate) struct EndpointRequest {
    pub(crate) query: AuthQuery,
    pub(crate) endpoint: AuthEndpoint,
}

/// A call of user code.
pub(crate) struct UserCodeCall {
    pub(crate) query: AuthQuery,
    callee: Callee,
}

enum Callee {
    Authorizer(Shared<dyn Authorizer>, AuthRequest),
    Authenticator(Shared<dyn Authenticator>, UserAuthRequest),
}

impl AuthQuery {
    pub(super) fn channel(id: RequestId, channel: &ChannelName, socket_id: Arc<str>) -> Self {
        Self {
            id,
            channel: Some(channel.as_shared().clone()),
            socket_id,
        }
    }

    pub(super) fn user(id: RequestId, socket_id: Arc<str>) -> Self {
        Self {
            id,
            channel: None,
            socket_id,
        }
    }

    #[cfg(target_arch = "wasm32")]
    pub(super) fn id(&self) -> RequestId {
        self.id
    }

    /// Looks up what is configured to answer it.
    pub(crate) fn into_task(self, config: &PusherConfig) -> AuthTask {
        let socket_id = self.socket_id.clone();
        match &self.channel {
            Some(channel) => match config.auth_of(channel).cloned() {
                Some(ChannelAuth::Endpoint(endpoint)) => self.endpoint_task(endpoint),
                Some(ChannelAuth::Custom(authorizer)) => {
                    let request = AuthRequest::new(channel.clone(), socket_id);
                    self.user_code_task(Callee::Authorizer(authorizer, request))
                }
                None => AuthTask::Answered(self.failure(AuthError::NoAuthorizer)),
            },
            None => match config.user_auth.clone() {
                Some(UserAuth::Endpoint(endpoint)) => self.endpoint_task(endpoint),
                Some(UserAuth::Custom(authenticator)) => {
                    let request = UserAuthRequest::new(socket_id);
                    self.user_code_task(Callee::Authenticator(authenticator, request))
                }
                None => AuthTask::Answered(self.failure(AuthError::NoAuthorizer)),
            },
        }
    }

    fn endpoint_task(self, endpoint: AuthEndpoint) -> AuthTask {
        AuthTask::Endpoint(EndpointRequest {
            query: self,
            endpoint,
        })
    }

    fn user_code_task(self, callee: Callee) -> AuthTask {
        AuthTask::UserCode(UserCodeCall {
            query: self,
            callee,
        })
    }

    /// The input that reports the body of a successful response, or why there is none.
    pub(super) fn answer(&self, body: Result<String, AuthError>) -> Input {
        if self.channel.is_some() {
            let answer = body.and_then(|body| ChannelAuthorization::from_json(&body));
            Input::Authorized(self.id, answer)
        } else {
            let answer = body.and_then(|body| UserAuthentication::from_json(&body));
            Input::Authenticated(self.id, answer)
        }
    }

    /// The input that reports a failure.
    pub(crate) fn failure(&self, error: AuthError) -> Input {
        self.answer(Err(error))
    }
}

/// Returns the time that a request to an endpoint may take.
pub(super) fn time_for_request(timing: &Timing) -> Duration {
    let session_waits = timing.authorization_timeout;
    less_head_start(session_waits.clamp(Timing::SHORTEST, Timing::LONGEST))
}

impl EndpointRequest {
    /// Calls `set` with the headers. A later one replaces an earlier one of the same name. Calls the header provider.
    pub(super) fn for_each_header<E>(
        &self,
        mut set: impl FnMut(&str, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        set("content-type", "application/x-www-form-urlencoded")?;
        set("accept", "application/json")?;
        let provider = self.endpoint.header_provider.as_ref();
        let provided = provider.map(|provide| provide()).unwrap_or_default();
        let mut headers = self.endpoint.headers.0.iter().chain(&provided);
        headers.try_for_each(|(name, value)| set(name, value))
    }

    /// The body: a form with Pusher's own fields, then the endpoint's parameters. Calls the parameter provider.
    pub(super) fn body(&self) -> String {
        let provider = self.endpoint.param_provider.as_ref();
        let provided = provider.map(|provide| provide()).unwrap_or_default();
        let params = self.endpoint.params.0.iter().chain(&provided);
        let channel = self.query.channel.as_deref();
        let own = [("socket_id", &*self.query.socket_id)]
            .into_iter()
            .chain(channel.map(|channel| ("channel_name", channel)));
        encode_form(own.chain(params.map(|(name, value)| (name.as_str(), value.as_str()))))
    }
}

impl UserCodeCall {
    /// Calls user code, which may answer at once or later, from any thread. The answer is passed to `post`. A dropped reply
    /// answers with [`AuthError::Dropped`], during a panic with [`AuthError::Panicked`].
    pub(crate) fn run(self, post: impl FnOnce(Input) + Send + 'static) {
        let id = self.query.id;
        match self.callee {
            Callee::Authorizer(authorizer, request) => authorizer.authorize(
                request,
                Reply::new(move |answer| post(Input::Authorized(id, answer))),
            ),
            Callee::Authenticator(authenticator, request) => authenticator.authenticate(
                request,
                Reply::new(move |answer| post(Input::Authenticated(id, answer))),
            ),
        }
    }
}

/// What is escaped: all but what JavaScript's `encodeURIComponent` leaves unchanged, as in every Pusher client.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Encodes `name=value&name=value`, in this order. A name may occur twice.
fn encode_form<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut form = String::new();
    for (name, value) in fields {
        if !form.is_empty() {
            form.push('&');
        }
        form.extend(utf8_percent_encode(name, ESCAPED));
        form.push('=');
        form.extend(utf8_percent_encode(value, ESCAPED));
    }
    form
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_is_encoded_as_in_a_browser() {
        assert_eq!(encode_form([].into_iter()), "");
        let fields = [
            ("socket_id", "1234.5678"),
            ("channel_name", "private-a@b;c=1,2"),
            ("x y", "Zoë & +\n"),
            ("kept", "AZaz09-_.!~*'()"),
            ("empty", ""),
            ("empty", "%"),
        ];
        assert_eq!(
            encode_form(fields.into_iter()),
            "socket_id=1234.5678&channel_name=private-a%40b%3Bc%3D1%2C2&x%20y=Zo%C3%AB%20%26%20%2B%0A\
             &kept=AZaz09-_.!~*'()&empty=&empty=%25"
        );
    }
}
