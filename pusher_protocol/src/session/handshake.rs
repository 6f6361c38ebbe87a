//! The protocol's handshake: the server's first message is `pusher:connection_established` or a `pusher:error`.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::connection::{CLOSE_NORMAL, Connection};
use crate::{
    protocol::{ClientFrame, CloseAction, ServerFrame},
    session::{
        ConnectionError, ConnectionState, DialId, Notice, Output, Session,
        frames::{error_code, error_message},
        heartbeat::Heartbeat,
    },
};

/// The shortest `activity_timeout` accepted from a server, which counts in whole seconds. A shorter one would be a flood of
/// pings.
const SHORTEST_ACTIVITY_TIMEOUT: Duration = Duration::from_secs(1);

impl Session {
    /// Handles a frame that arrives before the connection is established.
    pub(super) fn handle_handshake_frame(&mut self, dial: DialId, frame: &ServerFrame<'_>) {
        match &*frame.event {
            "pusher:connection_established" => {
                let fields = frame.data.fields();
                match fields.get("socket_id") {
                    // Authorizations are signed for the socket id, so a connection without one is of no use.
                    Some(Value::String(socket_id)) if !socket_id.is_empty() => {
                        self.on_established(
                            dial,
                            socket_id.as_str().into(),
                            fields.get("activity_timeout"),
                        );
                    }
                    _ => self.reject_server("a connection_established without a socket_id"),
                }
            }
            "pusher:error" => {
                let fields = frame.data.fields();
                let code = error_code(&fields);
                let message = error_message(&fields, &frame.data);
                self.context.output(Output::Close {
                    code: CLOSE_NORMAL,
                    reason: "refused",
                });
                self.on_connection_lost(
                    ConnectionError::Refused { code, message },
                    CloseAction::of(code),
                );
            }
            // Harmless before the handshake, so it does not fail the connection.
            "pusher:ping" => self.context.send(ClientFrame::Pong),
            "pusher:pong" => {}
            _ => self.reject_server("the first message was not connection_established"),
        }
    }

    /// Closes the connection because the endpoint does not speak the protocol.
    pub(super) fn reject_server(&mut self, reason: &str) {
        self.context.output(Output::Close {
            code: CLOSE_NORMAL,
            reason: "not the Pusher protocol",
        });
        self.on_connection_lost(
            ConnectionError::NotPusher {
                reason: reason.into(),
            },
            CloseAction::BackOff,
        );
    }

    fn on_established(
        &mut self,
        dial: DialId,
        socket_id: Arc<str>,
        server_timeout: Option<&Value>,
    ) {
        let now = self.context.now;
        self.connection = Connection::Connected {
            dial,
            since: now,
            heartbeat: Heartbeat::new(activity_timeout(server_timeout), now),
        };
        self.context
            .notice(Notice::State(ConnectionState::Connected {
                socket_id: socket_id.clone(),
            }));
        // The sign-in first: presence channels may wait for its result.
        self.user.on_connected(&mut self.context, &socket_id);
        self.channels.on_connected(&mut self.context, socket_id);
    }
}

/// Parses the server's `activity_timeout`, in seconds. Some servers send it as a string. Zero and invalid values are ignored.
fn activity_timeout(value: Option<&Value>) -> Option<Duration> {
    let seconds = match value? {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    // False for NaN too.
    if seconds > 0.0 {
        let timeout = Duration::try_from_secs_f64(seconds).ok()?;
        Some(timeout.max(SHORTEST_ACTIVITY_TIMEOUT))
    } else {
        None
    }
}
