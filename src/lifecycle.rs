//! What becomes of the connection while a phone has the app in the background.

use bevy_ecs::{message::MessageCursor, prelude::*};
use bevy_window::AppLifecycle;
use pusher_protocol::session::{Command, Hint};

use crate::{ConnectionState, PusherConfig, PusherConnection, config::SuspendPolicy};

/// How the app was when it was last looked at.
#[derive(Default)]
pub(crate) struct Lifecycle {
    is_suspended: bool,
    /// Whether the connection was closed for that time.
    is_closed: bool,
}

/// Acts when the app goes to the background and when it comes back.
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
        if !is_suspended && std::mem::take(&mut lifecycle.is_closed) {
            connection.line.command(Command::Connect);
        } else if !is_suspended {
            connection.line.hint(Hint::Resumed);
        } else if policy == Some(SuspendPolicy::Disconnect) && is_wanted(connection.state()) {
            lifecycle.is_closed = true;
            connection.line.command(Command::Disconnect);
        }
    }
}

fn is_wanted(state: &ConnectionState) -> bool {
    match state {
        ConnectionState::Connecting { .. }
        | ConnectionState::Connected { .. }
        | ConnectionState::Waiting { .. } => true,
        ConnectionState::Disconnected | ConnectionState::Failed { .. } => false,
    }
}
