//! The backend of a game under test: authorizes its channels and authenticates its user.

use std::fmt;

use serde::Serialize;

use super::{TestServer, TestUser, server::json_of};
use crate::auth::{
    AuthError, AuthReply, AuthRequest, Authenticator, Authorizer, ChannelAuthorization,
    UserAuthReply, UserAuthRequest, UserAuthentication,
};

/// The backend of one game.
pub(super) struct TestBackend {
    pub(super) server: TestServer,
    pub(super) user: TestUser,
}

impl Authorizer for TestBackend {
    fn authorize(&self, request: AuthRequest, reply: AuthReply) {
        let state = self.server.state();
        let (socket_id, channel) = (request.socket_id(), request.channel());
        let answer = match state.refused.get(channel) {
            Some(status) => Err(AuthError::http(*status, "refused by the test")),
            None => {
                let identity = self.user.identity();
                answer(state.core.authorize_channel(socket_id, channel, &identity))
                    .and_then(|json| ChannelAuthorization::from_json(&json))
            }
        };
        drop(state);
        reply.send(answer);
    }
}

impl Authenticator for TestBackend {
    fn authenticate(&self, request: UserAuthRequest, reply: UserAuthReply) {
        let state = self.server.state();
        let answer = match state.refuses_sign_in {
            Some(status) => Err(AuthError::http(status, "refused by the test")),
            None => {
                let identity = self.user.identity();
                answer(state.core.authenticate_user(request.socket_id(), &identity))
                    .and_then(|json| UserAuthentication::from_json(&json))
            }
        };
        drop(state);
        reply.send(answer);
    }
}

/// Converts an answer of the server into that of an auth endpoint.
fn answer<T: Serialize, E: fmt::Display>(result: Result<T, E>) -> Result<String, AuthError> {
    match result {
        Ok(answer) => Ok(json_of(&answer)),
        Err(error) => Err(AuthError::http(400, &error.to_string())),
    }
}
