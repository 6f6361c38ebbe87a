//! The auth endpoints `POST /pusher/auth` and `POST /pusher/user-auth`, which the game's backend provides in production.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::shared::Shared;
use crate::core::{AuthorizationError, AuthorizationRecord, Identity, ServerCore, ServerEvent};

pub(crate) async fn authorize_channel(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = AuthRequest::new(&headers, &body);
    let Some(channel) = request.param("channel_name").map(str::to_owned) else {
        return bad_request("`channel_name` is missing");
    };
    let sign = |core: &ServerCore, request: &AuthRequest| {
        core.authorize_channel(&request.socket_id, &channel, &request.identity())
            .and_then(|answer| to_json(&answer))
    };
    answer(&shared, request, Some(&channel), sign).await
}

pub(crate) async fn authenticate_user(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = AuthRequest::new(&headers, &body);
    let sign = |core: &ServerCore, request: &AuthRequest| {
        core.authenticate_user(&request.socket_id, &request.identity())
            .and_then(|answer| to_json(&answer))
    };
    answer(&shared, request, None, sign).await
}

/// A received request.
struct AuthRequest {
    socket_id: String,
    params: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

impl AuthRequest {
    fn new(headers: &HeaderMap, body: &[u8]) -> Self {
        let params: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
        let headers = headers
            .iter()
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        let socket_id = find(&params, "socket_id").unwrap_or_default().to_owned();
        Self {
            socket_id,
            params,
            headers,
        }
    }

    fn param(&self, name: &str) -> Option<&str> {
        find(&self.params, name)
    }

    fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    fn identity(&self) -> Identity {
        let owned = |value: Option<&str>| value.map(str::to_owned);
        Identity {
            user_id: owned(self.param("user_id").or_else(|| self.header("x-user-id"))),
            user_info: owned(self.param("user_info")),
            name: owned(self.param("name").or_else(|| self.header("x-user-name"))),
            watchlist: self
                .param("watchlist")
                .unwrap_or_default()
                .split(',')
                .filter(|id| !id.is_empty())
                .map(str::to_owned)
                .collect(),
            is_signed_in_user: self.param("channel_data") == Some("omit"),
        }
    }

    fn has_bearer_token(&self, token: &str) -> bool {
        self.header("authorization")
            .and_then(|value| value.strip_prefix("Bearer "))
            .is_some_and(|given| given == token)
    }
}

/// Delays, refuses or signs a request, as the policy says.
async fn answer(
    shared: &Shared,
    request: AuthRequest,
    channel: Option<&str>,
    sign: impl FnOnce(&ServerCore, &AuthRequest) -> Result<String, AuthorizationError>,
) -> Response {
    let policy = shared.auth_policy();
    if !policy.delay.is_zero() {
        tokio::time::sleep(policy.delay).await;
    }
    let has_token = policy
        .bearer_token
        .as_ref()
        .is_none_or(|token| request.has_bearer_token(token));
    let (status, body) = if !has_token {
        let message = "A valid bearer token is required".to_owned();
        (StatusCode::UNAUTHORIZED, message)
    } else if let Some(canned) = policy.canned_answer(channel) {
        let status =
            StatusCode::from_u16(canned.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, canned.body.clone())
    } else {
        match shared.with_core(|core, _| sign(core, &request)) {
            Ok(body) => (StatusCode::OK, body),
            Err(error @ AuthorizationError::InvalidChannel(_)) => {
                (StatusCode::FORBIDDEN, error.to_string())
            }
            Err(error) => (StatusCode::BAD_REQUEST, error.to_string()),
        }
    };
    shared.with_core(|core, _| {
        core.emit(ServerEvent::AuthorizationAnswered(AuthorizationRecord {
            channel: channel.map(str::to_owned),
            socket_id: request.socket_id,
            params: request.params,
            headers: request.headers,
            status: status.as_u16(),
        }));
    });
    let content_type = if status == StatusCode::OK {
        "application/json"
    } else {
        "text/plain; charset=utf-8"
    };
    (status, [(header::CONTENT_TYPE, content_type)], body).into_response()
}

fn bad_request(message: &'static str) -> Response {
    (StatusCode::BAD_REQUEST, message).into_response()
}

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

fn to_json(answer: &impl serde::Serialize) -> Result<String, AuthorizationError> {
    serde_json::to_string(answer)
        .map_err(|error| AuthorizationError::InvalidIdentity(error.to_string()))
}
