//! Client events: from this client to the other clients on a channel.

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
    /// Sends a client event to everybody else on a private or presence channel. It leaves at once.
    ///
    /// What is wrong with the event itself is an error here: a name without `client-`, a channel of another kind, data that
    /// cannot be written as JSON or is larger than [`Limits::client_event_bytes`](crate::config::Limits::client_event_bytes).
    /// What depends on the connection comes as [`PusherSendAnswered`] under the returned id: not connected, not
    /// subscribed, too many within a second. Nothing is dropped without a word.
    ///
    /// The server does not send it back, and does not confirm it.
    ///
    /// An event that may wait, or of which only the latest counts, goes by [`send_with`](Self::send_with).
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

    /// Sends a client event that need not leave at once: [`SendMode::Queued`] for what must arrive, such as a vote;
    /// [`SendMode::Latest`] for what changes all the time, such as a cursor or a position, sent as often as the server's
    /// limit allows. All else is as with [`send`](Self::send), which is this with [`SendMode::Immediate`].
    ///
    /// ```
    /// # use bevy::prelude::*;
    /// # use bevy_pusher::{SendMode, prelude::*};
    /// #[derive(serde::Serialize)]
    /// struct Cursor { x: f32, y: f32 }
    ///
    /// // Every frame; the server sees the latest of them about eight times a second.
    /// fn share_cursor(connection: Res<PusherConnection>) -> Result {
    ///     connection.send_with(SendMode::Latest, "presence-board", "client-cursor", &Cursor { x: 0.5, y: 0.25 })?;
    ///     Ok(())
    /// }
    ///
    /// // Waits for the connection and the subscription, if need be.
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
        // The name and the kind first: no need to write what cannot be sent.
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

/// What became of a client event.
///
/// Every one that was not sent is answered, once and for good; those that were, only after
/// [`with_sent_answers(true)`](crate::config::PusherConfig::with_sent_answers). One that waits in the queue is answered
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
    /// What [`PusherConnection::send`] or [`send_with`](PusherConnection::send_with) returned.
    #[must_use]
    pub fn id(&self) -> SendId {
        self.id
    }

    /// Its fate.
    #[must_use]
    pub fn outcome(&self) -> &SendOutcome {
        &self.outcome
    }

    /// Why it was not sent, if it was not.
    #[must_use]
    pub fn error(&self) -> Option<&SendError> {
        match &self.outcome {
            SendOutcome::Rejected(error) => Some(error),
            _ => None,
        }
    }
}
