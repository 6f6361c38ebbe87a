//! The record of what a client does on a WebSocket.

use std::time::Instant;

use tungstenite::error::ProtocolError;
use tungstenite::{Error, Message};

use crate::server_socket::{Ended, ServerSocket};

/// A recorded action of a client, with its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// The time at which the server read it.
    pub at: Instant,
    /// The action.
    pub frame: ClientFrame,
}

/// A message or control frame of the client, or the end of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientFrame {
    /// A complete text message.
    Text(String),
    /// A complete binary message.
    Binary(Vec<u8>),
    /// A ping of the WebSocket protocol, not a `pusher:ping`.
    Ping(Vec<u8>),
    /// A pong of the WebSocket protocol, not a `pusher:pong`.
    Pong(Vec<u8>),
    /// A close frame.
    Close(CloseSeen),
    /// A violation of RFC 6455, with the error.
    Broken(String),
    /// The end of the connection.
    Ended(Ended),
}

/// The content of a client's close frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseSeen {
    /// The code, if any.
    pub code: Option<u16>,
    /// The reason, which may be empty.
    pub reason: String,
}

impl ClientFrame {
    pub(super) fn of(read: Result<Message, Error>, socket: &ServerSocket) -> Self {
        match read {
            Ok(Message::Text(text)) => Self::Text(text.as_str().to_owned()),
            Ok(Message::Binary(bytes)) => Self::Binary(bytes.into()),
            Ok(Message::Ping(payload)) => Self::Ping(payload.into()),
            Ok(Message::Pong(payload)) => Self::Pong(payload.into()),
            Ok(Message::Close(frame)) => Self::Close(CloseSeen {
                code: frame.as_ref().map(|frame| frame.code.into()),
                reason: frame.map_or_else(String::new, |frame| frame.reason.as_str().into()),
            }),
            Ok(Message::Frame(_)) => unreachable!("only written messages are raw frames"),
            Err(error) => match (error, socket.ended()) {
                // A TLS error also counts if TCP has ended: the client disconnected in the middle of a record.
                (Error::Io(_), Some(ended)) => Self::Ended(ended),
                // If TCP is still open, the client has sent the TLS close_notify, and its FIN follows.
                (Error::Protocol(ProtocolError::ResetWithoutClosingHandshake), ended) => {
                    Self::Ended(ended.unwrap_or(Ended::ByClient))
                }
                (error, _) => Self::Broken(error.to_string()),
            },
        }
    }
}
