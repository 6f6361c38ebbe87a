//! Authorization of channels and authentication of users: by the game's backend over HTTP, or by user code. What the drivers need to ask
//! for either is in [`ChannelAuth`] and [`UserAuth`]; how they ask is not in here.

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

/// An HTTP endpoint of the game's backend.
///
/// It gets a `POST` with a form: `socket_id` and `channel_name` (for sign-in `socket_id` alone), then the parameters
/// given here; it answers 200 with JSON. Redirects are not followed: a login page is no authorization.
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

/// Which credentials of the browser's own, cookies above all, go with a request of a game that runs in a page. The backend
/// has to allow them by `Access-Control-Allow-Credentials`, unless it is where the page came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    /// None.
    Omit,
    /// Those of the backend, if it is where the page came from.
    #[default]
    SameOrigin,
    /// Those of the backend, wherever it is.
    Include,
}

impl AuthEndpoint {
    /// The endpoint at this URL, `https://…`; `http://…` on the same machine.
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

    /// A header that every request carries.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// A form field that every request carries after Pusher's own.
    #[must_use]
    pub fn with_param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.push(name, value);
        self
    }

    /// More headers, asked for before each request, so that a token that was renewed meanwhile is the one that is sent.
    /// Called on a worker thread; it may block, but in a browser. A header of the same name replaces the fixed one.
    #[must_use]
    pub fn with_header_provider(
        mut self,
        provider: impl Fn() -> Vec<(String, String)> + Send + Sync + 'static,
    ) -> Self {
        self.header_provider = Some(Shared(Arc::new(provider)));
        self
    }

    /// More form fields, asked for before each request. Called on a worker thread; it may block, but in a browser.
    #[must_use]
    pub fn with_param_provider(
        mut self,
        provider: impl Fn() -> Vec<(String, String)> + Send + Sync + 'static,
    ) -> Self {
        self.param_provider = Some(Shared(Arc::new(provider)));
        self
    }

    /// Allows plain http to another machine, where anybody on the way can read and change what is sent.
    #[must_use]
    pub fn allow_insecure(mut self) -> Self {
        self.allow_insecure = true;
        self
    }

    /// Which of the browser's own credentials go with each request; by default those of the page's own origin. Outside of a
    /// browser there are none, and this changes nothing.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }
}

impl fmt::Debug for AuthEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A URL may hold a token in its query, and a password before its host.
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

/// Code of the game's own that authorizes channels, instead of an [`AuthEndpoint`].
///
/// Called on a worker thread, in a browser between the frames, never within one. The reply may be sent from there, or kept and sent later from anywhere:
/// from a system, from another thread, from a callback. A closure that answers at once makes an authorizer by
/// [`authorize_with`].
pub trait Authorizer: Send + Sync + 'static {
    /// Authorizes one channel for one connection.
    fn authorize(&self, request: AuthRequest, reply: AuthReply);
}

/// Code of the game's own that vouches for the user who signs in, instead of an [`AuthEndpoint`].
pub trait Authenticator: Send + Sync + 'static {
    /// Vouches for the user of one connection.
    fn authenticate(&self, request: UserAuthRequest, reply: UserAuthReply);
}

/// Makes an [`Authorizer`] of a closure, which runs on a worker thread and may block, but in a browser.
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

/// Makes an [`Authenticator`] of a closure, which runs on a worker thread and may block, but in a browser.
pub fn authenticate_with(
    authenticate: impl Fn(&UserAuthRequest) -> Result<UserAuthentication, AuthError>
    + Send
    + Sync
    + 'static,
) -> impl Authenticator {
    Blocking(authenticate)
}

/// A closure that answers before it returns.
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

/// The question an [`Authorizer`] answers.
#[derive(Clone, Debug)]
pub struct AuthRequest {
    channel: Arc<str>,
    socket_id: Arc<str>,
}

impl AuthRequest {
    pub(crate) fn new(channel: Arc<str>, socket_id: Arc<str>) -> Self {
        Self { channel, socket_id }
    }

    /// The channel to be let into.
    #[must_use]
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// The connection it is for; the signature covers it.
    #[must_use]
    pub fn socket_id(&self) -> &str {
        &self.socket_id
    }
}

/// The question an [`Authenticator`] answers.
#[derive(Clone, Debug)]
pub struct UserAuthRequest {
    socket_id: Arc<str>,
}

impl UserAuthRequest {
    pub(crate) fn new(socket_id: Arc<str>) -> Self {
        Self { socket_id }
    }

    /// The connection it is for; the signature covers it.
    #[must_use]
    pub fn socket_id(&self) -> &str {
        &self.socket_id
    }
}

/// Where an answer goes, once.
pub struct Reply<T>(Option<Deliver<T>>);

type Deliver<T> = Box<dyn FnOnce(Result<T, AuthError>) + Send>;

/// Where an [`Authorizer`]'s answer goes. Dropping it without an answer is a failure.
pub type AuthReply = Reply<ChannelAuthorization>;

/// Where an [`Authenticator`]'s answer goes. Dropping it without an answer is a failure.
pub type UserAuthReply = Reply<UserAuthentication>;

impl<T> Reply<T> {
    pub(crate) fn new(deliver: impl FnOnce(Result<T, AuthError>) + Send + 'static) -> Self {
        Self(Some(Box::new(deliver)))
    }

    /// Gives the answer. One that comes too late, after a reconnect or the time allowed, is ignored.
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

/// What authorizes channels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ChannelAuth {
    Endpoint(AuthEndpoint),
    Custom(Shared<dyn Authorizer>),
}

/// What authenticates the user.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum UserAuth {
    Endpoint(AuthEndpoint),
    Custom(Shared<dyn Authenticator>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_an_endpoint_holds_no_secret() {
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
