//! A question to the game's backend by HTTP, and what its answer means.

use std::{io::Read, net::IpAddr, sync::Arc, time::Instant};

use ureq::{
    Agent, Body, Error,
    http::{
        HeaderMap, HeaderName, HeaderValue, Request, Response, Uri,
        header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING},
    },
};

use super::{
    super::{
        cutoff::{Cut, Cutoff},
        network::{Network, Peer},
    },
    form,
    transport::{NoResolver, OwnConnector, is_timeout, peer},
};
use crate::auth::{AuthEndpoint, AuthError};

/// The largest answer that is read, in bytes: authorizations have hundreds, with a large `channel_data` thousands.
const BODY_LIMIT: usize = 64 << 10;

/// How much of an answer that is no success is read, for its error to show.
const REFUSAL_LIMIT: usize = 4 << 10;

/// Of a request's and an answer's header, in bytes: a token or two fit.
const HEADER_BYTES: usize = 32 << 10;

/// HTTP on behalf of one connection to the Pusher server. When that is lost, whatever runs here is for nothing, and is
/// cut.
pub(super) struct Http {
    agent: Agent,
    cutoff: Arc<Cutoff>,
}

impl Http {
    pub(super) fn new(network: Network, cutoff: &Cutoff) -> Self {
        let cutoff = cutoff.child();
        let config = Agent::config_builder()
            .proxy(None)
            // A login page at the end of a redirect is no authorization.
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(concat!("bevy_pusher/", env!("CARGO_PKG_VERSION")))
            .input_buffer_size(HEADER_BYTES)
            .output_buffer_size(HEADER_BYTES)
            .max_response_header_size(HEADER_BYTES)
            .build();
        let connector = OwnConnector {
            network,
            cutoff: cutoff.clone(),
        };
        Self {
            agent: Agent::with_parts(config, connector, NoResolver),
            cutoff,
        }
    }

    /// Cuts what is under way, for good.
    pub(super) fn cut(&self) {
        self.cutoff.cut();
    }

    /// Posts these fields and the endpoint's own, and hands out the body of a success. Blocks until the deadline; calls
    /// the game's providers.
    pub(super) fn ask(
        &self,
        endpoint: &AuthEndpoint,
        fields: &[(&str, &str)],
        deadline: Instant,
    ) -> Result<String, AuthError> {
        let request = request(endpoint, fields)?;
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(AuthError::TimedOut);
        }
        let request = self
            .agent
            .configure_request(request)
            .timeout_global(Some(left))
            .build();
        read(self.agent.run(request).map_err(in_our_words)?)
    }
}

fn request(endpoint: &AuthEndpoint, own: &[(&str, &str)]) -> Result<Request<String>, AuthError> {
    let url = url(endpoint)?;
    let headers = headers(endpoint)?;
    let provided = endpoint.param_provider.as_ref().map(|provide| provide());
    let more = endpoint.params.iter().chain(provided.iter().flatten());
    let more = more.map(|(name, value)| (name.as_str(), value.as_str()));
    let mut request = Request::new(form::encode(own.iter().copied().chain(more)));
    *request.method_mut() = ureq::http::Method::POST;
    *request.uri_mut() = url;
    *request.headers_mut() = headers;
    Ok(request)
}

fn url(endpoint: &AuthEndpoint) -> Result<Uri, AuthError> {
    let url: Uri = endpoint
        .url
        .parse()
        .map_err(|error| invalid(format!("its URL cannot be read: {error}")))?;
    let peer = peer(&url)
        .ok_or_else(|| invalid("its URL must start with https:// and the name of a host".into()))?;
    if !peer.tls && !endpoint.allow_insecure && !is_loopback(&peer) {
        return Err(AuthError::Insecure);
    }
    Ok(url)
}

fn is_loopback(peer: &Peer) -> bool {
    match peer.host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => peer.host.eq_ignore_ascii_case("localhost"),
    }
}

fn headers(endpoint: &AuthEndpoint) -> Result<HeaderMap, AuthError> {
    let mut headers = HeaderMap::new();
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(CONTENT_TYPE, form);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let provided = endpoint.header_provider.as_ref().map(|provide| provide());
    for (name, value) in endpoint.headers.iter().chain(provided.iter().flatten()) {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| invalid(format!("{name:?} is no name for a header")))?;
        if name == CONTENT_LENGTH || name == TRANSFER_ENCODING {
            return Err(invalid(format!(
                "the header {name} is not the game's to set"
            )));
        }
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| invalid(format!("the value of the header {name} cannot be sent")))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

fn read(mut response: Response<Body>) -> Result<String, AuthError> {
    let status = response.status();
    let limit = if status.is_success() {
        BODY_LIMIT
    } else {
        REFUSAL_LIMIT
    };
    let mut body = Vec::new();
    // One more than allowed shows that there is more.
    let allowed = limit as u64 + 1;
    let end = response
        .body_mut()
        .as_reader()
        .take(allowed)
        .read_to_end(&mut body);
    let text = String::from_utf8_lossy(&body);
    if !status.is_success() {
        return Err(AuthError::http(status.as_u16(), &text));
    }
    if body.len() > limit {
        return Err(AuthError::TooLarge { limit });
    }
    end.map_err(|error| in_our_words(error.into()))?;
    Ok(text.into_owned())
}

fn in_our_words(error: Error) -> AuthError {
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
            AuthError::Unreachable(format!("what answers there does not speak HTTP: {error}"))
        }
        Error::BadUri(_) | Error::Http(_) => invalid("its URL cannot be requested".into()),
        Error::Io(error) => AuthError::Unreachable(error.to_string()),
        error => AuthError::Unreachable(error.to_string()),
    }
}

fn invalid(reason: String) -> AuthError {
    AuthError::InvalidEndpoint(reason)
}
