//! What a client sends over the WebSocket.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Instant;

use tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tungstenite::protocol::frame::{Frame, FrameSocket};

use crate::wire::{Ended, Wire};

/// One thing that a client did, and when it was noticed.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// When the server read it.
    pub at: Instant,
    /// What it was.
    pub frame: ClientFrame,
}

/// A frame of the client, or the end of the connection.
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

/// Reads frames and checks them as a server must.
pub(super) struct FrameReader {
    frames: FrameSocket<WireReader>,
    wire: Arc<Wire>,
    message: Option<(Data, Vec<u8>)>,
}

struct WireReader(Arc<Wire>);

impl Read for WireReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer, None)
    }
}

impl FrameReader {
    pub(super) fn new(wire: Arc<Wire>) -> Self {
        Self {
            frames: FrameSocket::new(WireReader(wire.clone())),
            wire,
            message: None,
        }
    }

    /// Blocks until there is something. After `Broken` and `Ended` nothing more comes.
    pub(super) fn next(&mut self) -> ClientFrame {
        loop {
            let frame = match self.frames.read(None) {
                Ok(Some(frame)) => frame,
                // An error of TLS without an end of TCP: the client broke off in the middle of a record.
                Ok(None) | Err(_) if self.wire.ended().is_some() => {
                    return ClientFrame::Ended(self.wire.ended().unwrap_or(Ended::ByClient));
                }
                // TLS said farewell; the FIN follows.
                Ok(None) => return ClientFrame::Ended(Ended::ByClient),
                Err(error) => return ClientFrame::Broken(error.to_string()),
            };
            match self.take(frame) {
                Ok(Some(frame)) => return frame,
                Ok(None) => {}
                Err(error) => return ClientFrame::Broken(error),
            }
        }
    }

    fn take(&mut self, frame: Frame) -> Result<Option<ClientFrame>, String> {
        let header = frame.header().clone();
        let mask = header.mask.ok_or("a frame without a mask")?;
        let payload: Vec<u8> = frame
            .payload()
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask)
            .collect();
        match header.opcode {
            OpCode::Control(Control::Ping) => Ok(Some(ClientFrame::Ping(payload))),
            OpCode::Control(Control::Pong) => Ok(Some(ClientFrame::Pong(payload))),
            OpCode::Control(Control::Close) => close(&payload).map(Some),
            OpCode::Control(other) => Err(format!("an unknown control frame {other}")),
            OpCode::Data(Data::Continue) => {
                let (_, message) = self
                    .message
                    .as_mut()
                    .ok_or("a continuation of no message")?;
                message.extend(payload);
                self.finish(header.is_final)
            }
            OpCode::Data(kind) => {
                if self.message.is_some() {
                    return Err("a new message inside a fragmented one".into());
                }
                self.message = Some((kind, payload));
                self.finish(header.is_final)
            }
        }
    }

    fn finish(&mut self, is_final: bool) -> Result<Option<ClientFrame>, String> {
        if !is_final {
            return Ok(None);
        }
        match self.message.take() {
            Some((Data::Text, message)) => String::from_utf8(message)
                .map(|text| Some(ClientFrame::Text(text)))
                .map_err(|_| "a text message that is not UTF-8".into()),
            Some((Data::Binary, message)) => Ok(Some(ClientFrame::Binary(message))),
            _ => Err("an unknown data frame".into()),
        }
    }
}

fn close(payload: &[u8]) -> Result<ClientFrame, String> {
    let seen = match payload {
        [] => CloseSeen {
            code: None,
            reason: String::new(),
        },
        [high, low, reason @ ..] => CloseSeen {
            code: Some(u16::from_be_bytes([*high, *low])),
            reason: String::from_utf8(reason.to_vec())
                .map_err(|_| "a close reason that is not UTF-8")?,
        },
        [_] => return Err("a close frame with half a code".into()),
    };
    Ok(ClientFrame::Close(seen))
}
