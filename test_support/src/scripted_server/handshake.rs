//! The HTTP request that asks for the upgrade.

use std::io;
use std::time::Instant;

use tungstenite::handshake::derive_accept_key;

use crate::form::{decode_pairs, find, find_header};
use crate::wire::Wire;

/// A client's request for the upgrade to a WebSocket.
#[derive(Debug, Clone)]
pub struct UpgradeRequest {
    target: String,
    headers: Vec<(String, String)>,
}

impl UpgradeRequest {
    /// Path and query, as they were sent.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The path alone.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A parameter of the query, decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        find(&decode_pairs(query), name).map(ToOwned::to_owned)
    }

    /// A header; the case of its name does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        find_header(&self.headers, name)
    }

    /// All headers in the order in which they were sent.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The response with which a server agrees.
    pub fn agreement(&self) -> String {
        let key = self
            .header("sec-websocket-key")
            .expect("the request has a Sec-WebSocket-Key");
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            derive_accept_key(key.as_bytes())
        )
    }

    pub(super) fn read(wire: &Wire, deadline: Instant) -> Result<Self, String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            // One byte at a time: what follows the head belongs to the next reader.
            let mut byte = [0];
            match wire.read(&mut byte, Some(deadline)) {
                Ok(0) => return Err("the client ended the connection".into()),
                Ok(_) => head.push(byte[0]),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Err(format!("only {} bytes of it arrived", head.len()));
                }
                Err(error) => return Err(error.to_string()),
            }
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        request
            .parse(&head)
            .map_err(|error| format!("it is not HTTP: {error}"))?;
        if request.method != Some("GET") {
            return Err(format!("its method is {:?}", request.method));
        }
        Ok(Self {
            target: request.path.unwrap_or_default().into(),
            headers: request
                .headers
                .iter()
                .map(|header| {
                    let value = String::from_utf8_lossy(header.value).into_owned();
                    (header.name.to_owned(), value)
                })
                .collect(),
        })
    }
}
