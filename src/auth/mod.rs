//! Authorization of channels and authentication of users: by an HTTP endpoint of the game's backend ([`AuthEndpoint`]), or by user code
//! ([`Authorizer`], [`Authenticator`]). The requests themselves are made by the drivers.

#[cfg(feature = "local-auth")]
mod local;

use std::{fmt, sync::Arc};

use crate::sync::Shared;

#[cfg(feature = "local-auth")]
pub use local::LocalAuthorizer;

pub use pusher_protocol::protocol::{AuthError, ChannelAuthorization, UserAuthentication};

/// A callback that returns headers or form fields, called before each request.
pub(crate) type Provider = Shared<dyn Fn() -> Vec<(String, String)> + Send + Sync>;

/// Names and values, such as headers. `Debug` shows only the names, since a value may be a token.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Pairs(pub(crate) Vec<(String, String)>);

impl Pairs {
    pub(crate) fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }
}

impl fmt::Debug for Pairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

/// An HTTP endpoint of the game's backend that authorizes channels or authenticates the user.
///
/// It receives a `POST` with a form: `socket_id` and `channel_name`, for a sign-in only `socket_id`, followed by the parameters
/// that are set here. It must respond with a status 2xx and JSON. Redirects are not followed, because they usually lead to a login
/// page. The [guide](crate::guide::backends) describes the responses.
///
/// ```
/// # use bevy_pusher::auth::AuthEndpoint;
/// # let session_token = || "token".to_owned();
/// let endpoint = AuthEndpoint::new("https://game.example.com/broadcasting/auth")
///     .with_header("X-Game-Version", "1.2")
///     .with_header_provider(move || vec![("Authorization".into(), format!("Bearer {}", session_token()))]);
/// ```
///
/// Its `Debug` shows the names of headers and parameters, never their values.
#[derive(Clone, PartialEq)]
pub struct AuthEndpoint {
    pub(crate) url: String,
    pub(crate) headers: Pairs,
    pub(crate) params: Pairs,
    pub(crate) header_provider: Option<Provider>,
    pub(crate) param_provider: Option<Provider>,
    pub(crate) allow_insecure: bool,
    pub(crate) credentials: Credentials,
}

/// Whether a browser adds its own credentials, such as cookies, to requests of a game that runs in a web page: the
/// `credentials` option of the Fetch standard. A backend with another origin than the page must allow them with the header
/// `Access-Control-Allow-Credentials`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    /// Adds none.
    Omit,
    /// Adds them if the backend has the same origin as the page.
    #[default]
    SameOrigin,
    /// Adds them, whatever the backend's origin.
    Include,
}

impl AuthEndpoint {
    /// Creates the endpoint with this URL: `https://…`, or `http://…` on the same machine.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            headers: Pairs::default(),
            params: Pairs::default(),
            header_provider: None,
            param_provider: None,
            allow_insecure: false,
            credentials: Credentials::default(),
        }
    }

    /// Adds a header to every request.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// Adds a form field to every request, after the fields that Pusher defines.
    #[must_use]
    pub fn with_param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.push(name, value);
        self
    }

    /// Sets a callback that returns more headers. It is called before each request, so that each request has the current token. A
    /// header of the callback replaces a [fixed one](Self::with_header) with the same name.
    ///
    /// It runs on a worker thread, where it may block. In a browser it must not block.
    #[must_use]
    pub fn with_header_provider(
        mut self,
        provider: impl Fn() -> Vec<(String, String)> + Send + Sync + 'static,
    ) -> Self {
        self.header_provider = Some(Shared(Arc::new(provider)));
        self
    }

    /// Sets a callback that returns more form fields. It is called before each request.
    ///
    /// It runs on a worker thread, where it may block. In a browser it must not block.
    #[must_use]
    pub fn with_param_provider(
        mut self,
        provider: impl Fn() -> Vec<(String, String)> + Send + Sync + 'static,
    ) -> Self {
        self.param_provider = Some(Shared(Arc::new(provider)));
        self
    }

    /// Allows `http://` to another machine. Everyone on the network path can then read and change the requests and the responses.
    #[must_use]
    pub fn allow_insecure(mut self) -> Self {
        self.allow_insecure = true;
        self
    }

    /// Sets whether the browser adds its own credentials, such as cookies. By default it does so if the backend has the same origin
    /// as the page. Has no effect outside of a browser.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }
}

impl fmt::Debug for AuthEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A URL may contain a token in its query, and a password before its host.
        let url = self.url.split(['?', '#']).next().unwrap_or_default();
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = authority.rsplit('@').next().unwrap_or_default();
        let url = format!("{scheme}://{host}{path}");
        f.debug_struct("AuthEndpoint")
            .field("url", &url)
            .field("headers", &self.headers)
            .field("params", &self.params)
            .finish_non_exhaustive()
    }
}

/// User code that authorizes channels, instead of an [`AuthEndpoint`].
///
/// It is called on a worker thread, or in a browser between two frames of the game. It may send the answer before it returns, or keep the
/// reply and send the answer later, for example from a system, another thread or a callback. [`authorize_with`] converts a closure that
/// returns the answer into an authorizer.
pub trait Authorizer: Send + Sync + 'static {
    /// Authorizes a channel for one connection. Send the answer with `reply`.
    fn authorize(&self, request: AuthRequest, reply: AuthReply);
}

/// User code that authenticates the user who signs in, instead of an [`AuthEndpoint`].
///
/// It is called in the same way as an [`Authorizer`]. [`authenticate_with`] converts a closure that returns the answer into an
/// authenticator.
pub trait Authenticator: Send + Sync + 'static {
    /// Authenticates the user of one connection. Send the answer with `reply`.
    fn authenticate(&self, request: UserAuthRequest, reply: UserAuthReply);
}

/// Converts a closure into an [`Authorizer`]. The closure runs on a worker thread, where it may block. In a browser it must not
/// block.
///
/// ```
/// # use bevy_pusher::{auth::*, config::*};
/// # fn ask_my_backend(channel: &str, socket_id: &str) -> Result<String, AuthError> { Ok("key:signature".into()) }
/// let config = PusherConfig::new("APP_KEY", Endpoint::cluster("eu")).with_authorizer(authorize_with(|request| {
///     let signature = ask_my_backend(request.channel(), request.socket_id())?;
///     Ok(ChannelAuthorization::new(signature))
/// }));
/// ```
pub fn authorize_with(
    authorize: impl Fn(&AuthRequest) -> Result<ChannelAuthorization, AuthError> + Send + Sync + 'static,
) -> impl Authorizer {
    Blocking(authorize)
}

/// Converts a closure into an [`Authenticator`]. The closure runs on a worker thread, where it may block. In a browser it must not
/// block.
pub fn authenticate_with(
    authenticate: impl Fn(&UserAuthRequest) -> Result<UserAuthentication, AuthError>
    + Send
    + Sync
    + 'static,
) -> impl Authenticator {
    Blocking(authenticate)
}

/// A closure that returns the answer.
struct Blocking<F>(F);

impl<F> Authorizer for Blocking<F>
where
    F: Fn(&AuthRequest) -> Result<ChannelAuthorization, AuthError> + Send + Sync + 'static,
{
    fn authorize(&self, request: AuthRequest, reply: AuthReply) {
        reply.send((self.0)(&request));
    }
}

impl<F> Authenticator for Blocking<F>
where
    F: Fn(&UserAuthRequest) -> Result<UserAuthentication, AuthError> + Send + Sync + 'static,
{
    fn authenticate(&self, request: UserAuthRequest, reply: UserAuthReply) {
        reply.send((self.0)(&request));
    }
}

/// A request to an [`Authorizer`].
#[derive(Clone, Debug)]
pub struct AuthRequest {
    channel: Arc<str>,
    socket_id: Arc<str>,
}

impl AuthRequest {
    pub(crate) fn new(channel: Arc<str>, socket_id: Arc<str>) -> Self {
        Self { channel, socket_id }
    }

    /// Returns the name of the channel to authorize.
    #[must_use]
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// Returns the server's id of the connection. The signature covers it.
    #[must_use]
    pub fn socket_id(&self) -> &str {
        &self.socket_id
    }
}

/// A request to an [`Authenticator`].
#[derive(Clone, Debug)]
pub struct UserAuthRequest {
    socket_id: Arc<str>,
}

impl UserAuthRequest {
    pub(crate) fn new(socket_id: Arc<str>) -> Self {
        Self { socket_id }
    }

    /// Returns the server's id of the connection. The signature covers it.
    #[must_use]
    pub fn socket_id(&self) -> &str {
        &self.socket_id
    }
}

/// Sends the answer to one request. Dropping it without an answer fails the request with [`AuthError::Dropped`], during a panic
/// with [`AuthError::Panicked`].
pub struct Reply<T>(Option<Deliver<T>>);

type Deliver<T> = Box<dyn FnOnce(Result<T, AuthError>) + Send>;

/// Sends the answer of an [`Authorizer`]. Dropping it without an answer fails the authorization.
pub type AuthReply = Reply<ChannelAuthorization>;

/// Sends the answer of an [`Authenticator`]. Dropping it without an answer fails the authentication.
pub type UserAuthReply = Reply<UserAuthentication>;

impl<T> Reply<T> {
    pub(crate) fn new(deliver: impl FnOnce(Result<T, AuthError>) + Send + 'static) -> Self {
        Self(Some(Box::new(deliver)))
    }

    /// Sends the answer. It is ignored if it is too late: after a reconnect, or after
    /// [`Timing::authorization_timeout`](crate::config::Timing::authorization_timeout).
    pub fn send(mut self, answer: Result<T, AuthError>) {
        if let Some(deliver) = self.0.take() {
            deliver(answer);
        }
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        if let Some(deliver) = self.0.take() {
            let reason = if std::thread::panicking() {
                AuthError::Panicked
            } else {
                AuthError::Dropped
            };
            deliver(Err(reason));
        }
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").finish_non_exhaustive()
    }
}

/// How channels are authorized.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ChannelAuth {
    Endpoint(AuthEndpoint),
    Custom(Shared<dyn Authorizer>),
}

/// How the user is authenticated.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum UserAuth {
    Endpoint(AuthEndpoint),
    Custom(Shared<dyn Authenticator>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_of_an_endpoint_holds_no_secret() {
        let endpoint =
            AuthEndpoint::new("https://user:hunter2@game.example.com/auth?token=hunter2")
                .with_header("Authorization", "hunter2")
                .with_param("token", "hunter2");
        let shown = format!("{endpoint:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("https://game.example.com/auth"), "{shown}");
        assert!(shown.contains("Authorization"), "{shown}");
    }
}
