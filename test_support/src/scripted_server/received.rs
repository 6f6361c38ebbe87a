//! What a client does on a WebSocket, as the server records it.

use std::time::Instant;

use tungstenite::error::ProtocolError;
use tungstenite::{Error, Message};

use crate::server_socket::{Ended, ServerSocket};

/// One thing that a client did, and when it was noticed.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// When the server read it.
    pub at: Instant,
    /// What it was.
    pub frame: ClientFrame,
}

/// A message or control frame of the client, or the end of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientFrame {
    /// A whole text message.
    Text(String),
    /// A whole binary message.
    Binary(Vec<u8>),
    /// A WebSocket ping, not Pusher's.
    Ping(Vec<u8>),
    /// A WebSocket pong, not Pusher's.
    Pong(Vec<u8>),
    /// A close frame.
    Close(CloseSeen),
    /// Bytes that break RFC 6455, and how.
    Broken(String),
    /// The end of the connection.
    Ended(Ended),
}

/// The content of a client's close frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseSeen {
    /// The code, if there was one.
    pub code: Option<u16>,
    /// The reason; often empty.
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
                // An error of TLS, too, if TCP has ended: the client broke off in the middle of a record.
                (Error::Io(_), Some(ended)) => Self::Ended(ended),
                // Without an end of TCP, this is a close_notify of TLS, and the FIN follows.
                (Error::Protocol(ProtocolError::ResetWithoutClosingHandshake), ended) => {
                    Self::Ended(ended.unwrap_or(Ended::ByClient))
                }
                (error, _) => Self::Broken(error.to_string()),
            },
        }
    }
}
