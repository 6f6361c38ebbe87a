//! The settings for authorization of channels and authentication of users.

use std::{cmp::Reverse, sync::Arc};

use super::{ChannelPattern, PusherConfig};
use crate::{
    auth::{AuthEndpoint, Authenticator, Authorizer, ChannelAuth, UserAuth},
    sync::Shared,
};

impl PusherConfig {
    /// Sets the endpoint of the game's backend that authorizes private, presence and encrypted channels.
    #[must_use]
    pub fn with_auth_endpoint(mut self, endpoint: AuthEndpoint) -> Self {
        self.channel_auth = Some(ChannelAuth::Endpoint(endpoint));
        self
    }

    /// Sets an authorizer (user code) instead of an endpoint.
    #[must_use]
    pub fn with_authorizer(mut self, authorizer: impl Authorizer) -> Self {
        self.channel_auth = Some(ChannelAuth::Custom(Shared(Arc::new(authorizer))));
        self
    }

    /// Sets another endpoint for some channels: the channel with this name or, if the pattern ends in `*`, all channels whose names
    /// start with the rest.
    ///
    /// If several patterns match, the most specific one counts, in any order of adding them: the exact name, else the longest
    /// pattern. Adding a pattern again replaces its endpoint or authorizer. Channels that match no pattern use the general
    /// [endpoint](Self::with_auth_endpoint) or [authorizer](Self::with_authorizer).
    ///
    /// ```
    /// # use bevy_pusher::{auth::*, config::*};
    /// let config = PusherConfig::new("APP_KEY", Endpoint::cluster("eu"))
    ///     .with_auth_endpoint(AuthEndpoint::new("https://game.example.com/pusher/auth"))
    ///     .with_auth_endpoint_for("private-shop-*", AuthEndpoint::new("https://shop.example.com/auth"));
    /// ```
    #[must_use]
    pub fn with_auth_endpoint_for(
        self,
        channels: impl Into<ChannelPattern>,
        endpoint: AuthEndpoint,
    ) -> Self {
        self.with_override(channels.into(), ChannelAuth::Endpoint(endpoint))
    }

    /// Sets an authorizer (user code) for some channels, chosen as in [`with_auth_endpoint_for`](Self::with_auth_endpoint_for).
    #[must_use]
    pub fn with_authorizer_for(
        self,
        channels: impl Into<ChannelPattern>,
        authorizer: impl Authorizer,
    ) -> Self {
        let authorizer = ChannelAuth::Custom(Shared(Arc::new(authorizer)));
        self.with_override(channels.into(), authorizer)
    }

    /// Sets the endpoint of the game's backend that authenticates the user who signs in.
    #[must_use]
    pub fn with_user_auth_endpoint(mut self, endpoint: AuthEndpoint) -> Self {
        self.user_auth = Some(UserAuth::Endpoint(endpoint));
        self
    }

    /// Sets an authenticator (user code) instead of an endpoint.
    #[must_use]
    pub fn with_authenticator(mut self, authenticator: impl Authenticator) -> Self {
        self.user_auth = Some(UserAuth::Custom(Shared(Arc::new(authenticator))));
        self
    }

    /// Authorizes and authenticates in the game itself, with the app's secret. For development only: never ship it.
    #[cfg(feature = "local-auth")]
    #[must_use]
    pub fn with_local_auth(self, local: crate::auth::LocalAuthorizer) -> Self {
        self.with_authorizer(local.clone())
            .with_authenticator(local)
    }

    /// What authorizes this channel.
    pub(crate) fn auth_of(&self, channel: &str) -> Option<&ChannelAuth> {
        let mut overrides = self.channel_auth_overrides.iter();
        overrides
            .find(|(pattern, _)| pattern.matches(channel))
            .map(|(_, auth)| auth)
            .or(self.channel_auth.as_ref())
    }

    fn with_override(mut self, channels: ChannelPattern, auth: ChannelAuth) -> Self {
        let overrides = &mut self.channel_auth_overrides;
        overrides.retain(|(pattern, _)| *pattern != channels);
        overrides.push((channels, auth));
        overrides.sort_by(|(one, _), (other, _)| Reverse(one).cmp(&Reverse(other)));
        self
    }
}
