//! The wire, with TLS on it or without.

use std::io::{self, Read, Write};

use super::wire::Wire;

/// What HTTP and the WebSocket read from and write to.
pub(super) enum Stream {
    Plain(Wire),
    #[cfg(feature = "native-tls")]
    Tls(Box<native_tls::TlsStream<Wire>>),
}

impl Stream {
    pub(super) fn wire(&mut self) -> &mut Wire {
        match self {
            Self::Plain(wire) => wire,
            #[cfg(feature = "native-tls")]
            Self::Tls(stream) => stream.get_mut(),
        }
    }

    pub(super) fn is_tls(&self) -> bool {
        !matches!(self, Self::Plain(_))
    }

    /// Says that nothing more will be written, in TLS's words where there is TLS.
    pub(super) fn finish_writing(&mut self) {
        #[cfg(feature = "native-tls")]
        if let Self::Tls(stream) = self {
            let _ = stream.shutdown();
        }
        self.wire().finish_writing();
    }
}

impl Stream {
    /// At least a line, unless the buffer is full or the peer is at its end: tungstenite takes an answer in more than 64
    /// tiny pieces for an attack, and a network may deliver it like that.
    fn read_line(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut length = 0;
        while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
            let count = self.read_some(rest)?;
            length += count;
            let came = buffer.get(..length).unwrap_or_default();
            if count == 0 || came.contains(&b'\n') {
                break;
            }
        }
        Ok(length)
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(wire) => wire.read(buffer),
            #[cfg(feature = "native-tls")]
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.wire().expects_lines() {
            self.read_line(buffer)
        } else {
            self.read_some(buffer)
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(wire) => wire.write(bytes),
            #[cfg(feature = "native-tls")]
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(wire) => wire.flush(),
            #[cfg(feature = "native-tls")]
            Self::Tls(stream) => stream.flush(),
        }
    }
}
