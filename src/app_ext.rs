//! What the plugin adds to [`App`]: the types into which events are decoded.

use bevy_app::App;
use pusher_protocol::protocol::ChannelPattern;
use serde::de::DeserializeOwned;

use crate::{event::PusherEvent, inbound::EventTypes, user::PusherUserEvent};

/// What the plugin adds to [`App`]. Implemented for it alone.
pub trait PusherAppExt: sealed::Sealed {
    /// Decodes channel events of this name into `T`, which then arrive as [`PusherEvent<T>`](PusherEvent). Works before and
    /// after the plugin is added; several types may be registered for one name, and one type for several names.
    fn add_pusher_event<T: DeserializeOwned + Send + Sync + 'static>(
        &mut self,
        event: &str,
    ) -> &mut Self;

    /// The same on some channels alone: the one of this name, or with a `*` at its end all whose names begin so. One name may
    /// thus mean one thing here and another there.
    ///
    /// ```
    /// # use bevy::prelude::*;
    /// # use bevy_pusher::prelude::*;
    /// # #[derive(serde::Deserialize)] struct ChessMove;
    /// # #[derive(serde::Deserialize)] struct CardMove;
    /// # let mut app = App::new();
    /// app.add_pusher_event_on::<ChessMove>("presence-chess-*", "client-move")
    ///     .add_pusher_event_on::<CardMove>("presence-cards-*", "client-move");
    /// ```
    fn add_pusher_event_on<T: DeserializeOwned + Send + Sync + 'static>(
        &mut self,
        channels: impl Into<ChannelPattern>,
        event: &str,
    ) -> &mut Self;

    /// Decodes the signed-in user's events of this name into `T`, which then arrive as
    /// [`PusherUserEvent<T>`](PusherUserEvent).
    fn add_pusher_user_event<T: DeserializeOwned + Send + Sync + 'static>(
        &mut self,
        event: &str,
    ) -> &mut Self;
}

mod sealed {
    /// Keeps the trait open for more methods: nobody else can implement it.
    pub trait Sealed {}

    impl Sealed for bevy_app::App {}
}

impl PusherAppExt for App {
    fn add_pusher_event<T: DeserializeOwned + Send + Sync + 'static>(
        &mut self,
        event: &str,
    ) -> &mut Self {
        self.add_message::<PusherEvent<T>>();
        self.world_mut()
            .get_resource_or_init::<EventTypes>()
            .add_event::<T>(event, None);
        self
    }

    fn add_pusher_event_on<T: DeserializeOwned + Send + Sync + 'static>(
        &mut self,
        channels: impl Into<ChannelPattern>,
        event: &str,
    ) -> &mut Self {
        self.add_message::<PusherEvent<T>>();
        self.world_mut()
            .get_resource_or_init::<EventTypes>()
            .add_event::<T>(event, Some(channels.into()));
        self
    }

    fn add_pusher_user_event<T: DeserializeOwned + Send + Sync + 'static>(
        &mut self,
        event: &str,
    ) -> &mut Self {
        self.add_message::<PusherUserEvent<T>>();
        self.world_mut()
            .get_resource_or_init::<EventTypes>()
            .add_user_event::<T>(event);
        self
    }
}
