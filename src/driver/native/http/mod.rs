//! HTTP requests to the game's backend.

#[cfg(test)]
mod tests;
mod transport;

use std::{io::Read, sync::Arc, time::Instant};

use ureq::{
    Agent, Body, Error,
    http::{
        HeaderMap, HeaderName, Method, Request, Response, Uri,
        header::{CONTENT_LENGTH, TRANSFER_ENCODING},
    },
};

use super::{
    cancel::{Cancel, CancelToken},
    connector::Connector,
    headers::{self, RefusedHeader},
};
use crate::{
    auth::{AuthEndpoint, AuthError},
    driver::authorizing::{BODY_LIMIT, EndpointRequest, REFUSAL_LIMIT},
};
use transport::{NoResolver, UreqConnector, is_timeout, peer};

/// The limit on the head of a request and of a response, in bytes: enough for a few tokens.
const HEADER_BYTES: usize = 32 << 10;

/// HTTP for one connection to the Pusher server. When that ends, the answers are useless, and the requests are cancelled.
pub(super) struct Http {
    agent: Agent,
    token: Arc<CancelToken>,
}

impl Http {
    pub(super) fn new(connector: Connector, parent: &CancelToken) -> Self {
        let token = parent.child();
        let config = Agent::config_builder()
            .proxy(None)
            // A login page at the end of a redirect is not an authorization.
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(concat!("bevy_pusher/", env!("CARGO_PKG_VERSION")))
            .input_buffer_size(HEADER_BYTES)
            .output_buffer_size(HEADER_BYTES)
            .max_response_header_size(HEADER_BYTES)
            .build();
        let connector = UreqConnector {
            connector,
            token: token.clone(),
        };
        Self {
            agent: Agent::with_parts(config, connector, NoResolver),
            token,
        }
    }

    /// Cancels all requests, also future ones.
    pub(super) fn cancel(&self) {
        self.token.cancel();
    }

    /// Sends a request, and returns the body of a success. Blocks until the deadline. Calls the endpoint's providers.
    pub(super) fn post(
        &self,
        request: &EndpointRequest,
        deadline: Instant,
    ) -> Result<String, AuthError> {
        let request = to_http(request)?;
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(AuthError::TimedOut);
        }
        let request = self
            .agent
            .configure_request(request)
            .timeout_global(Some(left))
            .build();
        read(self.agent.run(request).map_err(map_error)?)
    }
}

fn to_http(request: &EndpointRequest) -> Result<Request<String>, AuthError> {
    let url = url(&request.endpoint)?;
    let mut headers = HeaderMap::new();
    let is_reserved = |name: &HeaderName| [CONTENT_LENGTH, TRANSFER_ENCODING].contains(name);
    request
        .for_each_header(|name, value| headers::set(&mut headers, name, value, is_reserved))
        .map_err(|RefusedHeader { name, reason }| {
            invalid(format!("the header {name:?} cannot be sent: {reason}"))
        })?;
    let mut http = Request::new(request.body());
    *http.method_mut() = Method::POST;
    *http.uri_mut() = url;
    *http.headers_mut() = headers;
    Ok(http)
}

fn url(endpoint: &AuthEndpoint) -> Result<Uri, AuthError> {
    let no_url = || {
        let reason = "its URL must start with https:// (http:// on this machine) and a host name";
        invalid(reason.into())
    };
    let url: Uri = endpoint.url.parse().map_err(|_| no_url())?;
    let peer = peer(&url).ok_or_else(no_url)?;
    if !peer.tls && !endpoint.allow_insecure && !peer.is_loopback() {
        return Err(AuthError::Insecure);
    }
    Ok(url)
}

fn read(mut response: Response<Body>) -> Result<String, AuthError> {
    let status = response.status();
    let limit = if status.is_success() {
        BODY_LIMIT
    } else {
        REFUSAL_LIMIT
    };
    let mut body = Vec::new();
    // One byte more than the limit shows that the body is larger.
    let end = response
        .body_mut()
        .as_reader()
        .take(limit as u64 + 1)
        .read_to_end(&mut body);
    let text = String::from_utf8_lossy(&body);
    if !status.is_success() {
        return Err(AuthError::http(status.as_u16(), &text));
    }
    if body.len() > limit {
        return Err(AuthError::TooLarge { limit });
    }
    end.map_err(|error| map_error(error.into()))?;
    Ok(text.into_owned())
}

fn map_error(error: Error) -> AuthError {
    match error {
        error if is_timeout(&error) => AuthError::TimedOut,
        Error::Other(other) => match other.downcast::<AuthError>() {
            Ok(error) => *error,
            Err(other) => AuthError::Unreachable(other.to_string()),
        },
        Error::LargeResponseHeader(..) => AuthError::TooLarge {
            limit: HEADER_BYTES,
        },
        Error::Protocol(error) => {
            AuthError::Unreachable(format!("the endpoint does not speak HTTP: {error}"))
        }
        Error::BadUri(_) | Error::Http(_) => invalid("its URL cannot be requested".into()),
        Error::Io(error) => AuthError::Unreachable(error.to_string()),
        error => AuthError::Unreachable(error.to_string()),
    }
}

fn invalid(reason: String) -> AuthError {
    AuthError::InvalidEndpoint(reason)
}
