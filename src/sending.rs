//! Sending client events, from this client to the other clients on a channel, and the reports of their outcome. Received client events
//! are a [`PusherEvent`](crate::PusherEvent) like all others.

use bevy_ecs::prelude::*;
use pusher_protocol::{
    ChannelName,
    session::{ClientEvent, Command, check_client_event},
};
use serde::Serialize;
use serde_json::value::to_raw_value;

pub use pusher_protocol::session::{SendError, SendId, SendMode, SendOutcome};

use crate::connection::PusherConnection;

impl PusherConnection {
    /// Sends a client event to all other clients on a private or presence channel, immediately. Returns the id of the event.
    ///
    /// The server does not send the event back to this client, and does not confirm it, so the client cannot know whether it arrived.
    /// If the event cannot be sent now, a [`PusherSendAnswered`] with the returned id reports why, for example because the channel is
    /// not subscribed or the rate limit is reached.
    ///
    /// To queue an event, or to send only the latest of several values, use [`send_with`](Self::send_with).
    ///
    /// # Errors
    /// Returns an error if the event itself is invalid: its name does not start with `client-`, the channel name is invalid or the
    /// channel is of another kind, or the data cannot be serialized as JSON or is larger than
    /// [`Limits::client_event_bytes`](crate::config::Limits::client_event_bytes). Also returns [`SendError::NotConnected`] if the
    /// client is not running, for example without a [`PusherConfig`](crate::config::PusherConfig).
    ///
    /// ```
    /// # use bevy::prelude::*;
    /// # use bevy_pusher::prelude::*;
    /// #[derive(serde::Serialize)]
    /// struct Move { x: i32, y: i32 }
    ///
    /// fn play(board: Single<&PusherChannel>, connection: Res<PusherConnection>) -> Result {
    ///     connection.send(*board, "client-move", &Move { x: 3, y: 4 })?;
    ///     Ok(())
    /// }
    /// # App::new().add_systems(Update, play);
    /// ```
    #[doc(alias = "trigger")]
    pub fn send(
        &self,
        channel: impl AsRef<str>,
        event: &str,
        data: &(impl Serialize + ?Sized),
    ) -> Result<SendId, SendError> {
        self.send_with(SendMode::Immediate, channel, event, data)
    }

    /// Sends a client event with a [`SendMode`], which decides what happens if the event cannot be sent immediately.
    /// [`SendMode::Queued`] queues it, for events that should wait rather than fail, such as a vote. [`SendMode::Latest`] keeps only the
    /// latest value, for values that change all the time, such as a cursor or a position, and sends it as often as the rate limit
    /// allows. [`SendMode::Immediate`] is the mode of [`send`](Self::send).
    ///
    /// # Errors
    /// Returns the same errors as [`send`](Self::send).
    ///
    /// ```
    /// # use bevy::prelude::*;
    /// # use bevy_pusher::{SendMode, prelude::*};
    /// #[derive(serde::Serialize)]
    /// struct Cursor { x: f32, y: f32 }
    ///
    /// // Called in every frame of the game. The latest value is sent about eight times per second.
    /// fn share_cursor(connection: Res<PusherConnection>) -> Result {
    ///     connection.send_with(SendMode::Latest, "presence-board", "client-cursor", &Cursor { x: 0.5, y: 0.25 })?;
    ///     Ok(())
    /// }
    ///
    /// // Waits for the connection and the subscription if necessary.
    /// fn vote(connection: Res<PusherConnection>) -> Result {
    ///     connection.send_with(SendMode::Queued, "presence-board", "client-vote", "yes")?;
    ///     Ok(())
    /// }
    /// # App::new().add_systems(Update, share_cursor).add_systems(Startup, vote);
    /// ```
    pub fn send_with(
        &self,
        mode: SendMode,
        channel: impl AsRef<str>,
        event: &str,
        data: &(impl Serialize + ?Sized),
    ) -> Result<SendId, SendError> {
        let channel = ChannelName::new(channel.as_ref(), self.rules)?;
        // The name and the kind are checked first, because serializing the data is the expensive part.
        check_client_event(&channel, event, 0, &self.limits)?;
        let data = to_raw_value(data).map_err(|error| SendError::NotSerializable {
            reason: error.to_string(),
        })?;
        check_client_event(&channel, event, data.get().len(), &self.limits)?;
        let id = self.commands.next_send_id();
        let event = ClientEvent {
            id,
            mode,
            channel,
            event: event.to_owned(),
            data,
        };
        if self.commands.send(Command::Send(event)) {
            Ok(id)
        } else {
            Err(SendError::NotConnected)
        }
    }
}

/// The outcome of a client event.
///
/// Every event that is not sent gets exactly one final outcome. Events that are sent get one only with
/// [`with_sent_answers(true)`](crate::config::PusherConfig::with_sent_answers). An event that has to wait in the queue gets
/// [`Queued`](SendOutcome::Queued) before.
///
/// It is a [`Message`] and an [`Event`].
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_pusher::prelude::*;
/// # use bevy_pusher::SendOutcome;
/// fn unsent(mut answers: MessageReader<PusherSendAnswered>) {
///     for answer in answers.read() {
///         if let SendOutcome::Rejected(error) = answer.outcome() {
///             warn!("not sent: {error}");
///         }
///     }
/// }
/// # App::new().add_systems(Update, unsent);
/// ```
#[derive(Message, Event, Clone, Debug)]
pub struct PusherSendAnswered {
    pub(crate) id: SendId,
    pub(crate) outcome: SendOutcome,
}

impl PusherSendAnswered {
    /// Returns the id of the event, as [`PusherConnection::send`] or [`send_with`](PusherConnection::send_with) returned it.
    #[must_use]
    pub fn id(&self) -> SendId {
        self.id
    }

    /// Returns the outcome.
    #[must_use]
    pub fn outcome(&self) -> &SendOutcome {
        &self.outcome
    }

    /// Returns why the event was rejected, if it was.
    #[must_use]
    pub fn error(&self) -> Option<&SendError> {
        match &self.outcome {
            SendOutcome::Rejected(error) => Some(error),
            _ => None,
        }
    }
}
