//! Applies [`SuspendPolicy`] when a phone moves the app to the background, and checks the connection when the app returns.

use bevy_ecs::{message::MessageCursor, prelude::*};
use bevy_window::AppLifecycle;
use pusher_protocol::session::Hint;

use crate::{
    config::{PusherConfig, SuspendPolicy},
    connection::{ConnectionState, PusherConnection},
};

/// What the last message said about the app.
#[derive(Default)]
pub(crate) struct Lifecycle {
    is_suspended: bool,
    /// Whether the connection was closed because the app was suspended.
    is_closed: bool,
}

/// Closes, reopens or checks the connection when the app goes to the background and when it returns.
pub(crate) fn follow_lifecycle(
    messages: Option<Res<Messages<AppLifecycle>>>,
    mut cursor: Local<MessageCursor<AppLifecycle>>,
    mut lifecycle: Local<Lifecycle>,
    config: Option<Res<PusherConfig>>,
    connection: Option<Res<PusherConnection>>,
) {
    let (Some(messages), Some(connection)) = (messages, connection) else {
        return;
    };
    let policy = config.map(|config| config.suspend_policy);
    for message in cursor.read(&messages) {
        let is_suspended = match message {
            AppLifecycle::WillSuspend | AppLifecycle::Suspended => true,
            AppLifecycle::WillResume | AppLifecycle::Running => false,
            AppLifecycle::Idle => continue,
        };
        if std::mem::replace(&mut lifecycle.is_suspended, is_suspended) == is_suspended {
            continue;
        }
        // `ConnectionState` does not show this: it changes only in a frame after the game has called `connect` or `disconnect`.
        let is_wanted = connection.commands.is_connection_wanted();
        if !is_suspended && std::mem::take(&mut lifecycle.is_closed) && is_wanted {
            connection.commands.resume();
        } else if !is_suspended {
            connection.commands.hint(Hint::Resumed);
        } else if policy == Some(SuspendPolicy::Disconnect) && is_wanted && !has_failed(&connection)
        {
            lifecycle.is_closed = true;
            connection.commands.suspend();
        }
    }
}

fn has_failed(connection: &PusherConnection) -> bool {
    matches!(connection.state(), ConnectionState::Failed { .. })
}
