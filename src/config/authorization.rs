//! Who authorizes channels, and who vouches for the user.

use std::{cmp::Reverse, sync::Arc};

use super::{ChannelPattern, PusherConfig};
use crate::auth::{AuthEndpoint, Authenticator, Authorizer, ChannelAuth, UserAuth};

impl PusherConfig {
    /// The URL of the game's backend that authorizes private, presence and encrypted channels.
    #[must_use]
    pub fn with_auth_endpoint(mut self, endpoint: AuthEndpoint) -> Self {
        self.channel_auth = Some(ChannelAuth::Endpoint(endpoint));
        self
    }

    /// An authorizer of one's own instead of an endpoint.
    #[must_use]
    pub fn with_authorizer(mut self, authorizer: impl Authorizer) -> Self {
        self.channel_auth = Some(ChannelAuth::Custom(Arc::new(authorizer)));
        self
    }

    /// Another endpoint for some channels: those of this name, or with a `*` at its end all whose names begin so.
    ///
    /// Of several patterns that match, the most specific one counts, whatever their order: the name itself, else the
    /// longest. The same pattern again replaces what was set for it. What none matches goes to the
    /// [endpoint](Self::with_auth_endpoint) or [authorizer](Self::with_authorizer) for all.
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

    /// An authorizer of one's own for some channels, chosen as for
    /// [`with_auth_endpoint_for`](Self::with_auth_endpoint_for).
    #[must_use]
    pub fn with_authorizer_for(
        self,
        channels: impl Into<ChannelPattern>,
        authorizer: impl Authorizer,
    ) -> Self {
        let authorizer = ChannelAuth::Custom(Arc::new(authorizer));
        self.with_override(channels.into(), authorizer)
    }

    /// The URL of the game's backend that vouches for a user who signs in.
    #[must_use]
    pub fn with_user_auth_endpoint(mut self, endpoint: AuthEndpoint) -> Self {
        self.user_auth = Some(UserAuth::Endpoint(endpoint));
        self
    }

    /// An authenticator of one's own instead of an endpoint.
    #[must_use]
    pub fn with_authenticator(mut self, authenticator: impl Authenticator) -> Self {
        self.user_auth = Some(UserAuth::Custom(Arc::new(authenticator)));
        self
    }

    /// Signs by itself, with the app's secret: for development only, and never to be shipped.
    #[cfg(feature = "local-auth")]
    #[must_use]
    pub fn with_local_auth(self, local: crate::auth::LocalAuthorizer) -> Self {
        self.with_authorizer(local.clone())
            .with_authenticator(local)
    }

    /// Who authorizes this channel.
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
