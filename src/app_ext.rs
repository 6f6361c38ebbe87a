//! [`PusherAppExt`]: methods of [`App`] that register the types into which events are decoded. The decoding is in `inbound`.

use bevy_app::App;
use pusher_protocol::protocol::ChannelPattern;
use serde::de::DeserializeOwned;

use crate::{event::PusherEvent, inbound::EventTypes, user::PusherUserEvent};

/// Methods of [`App`] that register event types. Implemented for [`App`] only.
///
/// They can be called before or after the plugin is added.
pub trait PusherAppExt: sealed::Sealed {
    /// Decodes channel events with this name into `T`. They are delivered as [`PusherEvent<T>`](PusherEvent). Events that cannot be
    /// decoded are reported as [`PusherDecodeFailed`](crate::PusherDecodeFailed).
    ///
    /// You can register several types for one name, and one type for several names.
    fn add_pusher_event<T: DeserializeOwned + Send + Sync + 'static>(
        &mut self,
        event: &str,
    ) -> &mut Self;

    /// Decodes events with this name into `T`, like [`add_pusher_event`](Self::add_pusher_event), but only on some channels: the channel
    /// with this name or, if the pattern ends in `*`, all channels whose names start with the rest. So the same event name can have
    /// different types on different channels.
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

    /// Decodes events with this name that the backend sends to the signed-in user into `T`. They are delivered as
    /// [`PusherUserEvent<T>`](PusherUserEvent).
    fn add_pusher_user_event<T: DeserializeOwned + Send + Sync + 'static>(
        &mut self,
        event: &str,
    ) -> &mut Self;
}

mod sealed {
    /// Prevents implementations in other crates, so that methods can be added without a breaking change.
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
