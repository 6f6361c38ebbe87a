//! A request as it came.

use std::io;
use std::time::Instant;

use crate::form::{decode_pairs, find, find_header};
use crate::wire::Wire;

/// A recorded HTTP request.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    number: usize,
    at: Instant,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl HttpRequest {
    /// Which request of the endpoint it is, from 0.
    pub fn number(&self) -> usize {
        self.number
    }

    /// When it had arrived in full.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// The method, such as `POST`.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Path and query, as they were sent.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The path alone.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A header; the case of its name does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        find_header(&self.headers, name)
    }

    /// All headers in the order in which they were sent.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The body as it was sent.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The fields of a form in the body, decoded, in order.
    pub fn form(&self) -> Vec<(String, String)> {
        decode_pairs(&String::from_utf8_lossy(&self.body))
    }

    /// A field of the form in the body, decoded.
    pub fn field(&self, name: &str) -> Option<String> {
        find(&self.form(), name).map(ToOwned::to_owned)
    }

    /// A parameter of the query, decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        find(&decode_pairs(query), name).map(ToOwned::to_owned)
    }

    /// Reads a request; `None` when the connection ends before one is complete. Its number is given later.
    pub(super) fn read(wire: &Wire) -> io::Result<Option<Self>> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if wire.read(&mut byte, None)? == 0 {
                return Ok(None);
            }
            head.push(byte[0]);
        }
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Request::new(&mut headers);
        parsed.parse(&head).map_err(invalid)?;
        let headers: Vec<_> = parsed
            .headers
            .iter()
            .map(|header| {
                let value = String::from_utf8_lossy(header.value).into_owned();
                (header.name.to_owned(), value)
            })
            .collect();
        let length = find_header(&headers, "content-length")
            .and_then(|length| length.parse().ok())
            .unwrap_or(0);
        let mut body = vec![0; length];
        let mut filled = 0;
        while filled < length {
            match wire.read(&mut body[filled..], None)? {
                0 => return Ok(None),
                more => filled += more,
            }
        }
        Ok(Some(Self {
            number: 0,
            at: Instant::now(),
            method: parsed.method.unwrap_or_default().into(),
            target: parsed.path.unwrap_or_default().into(),
            headers,
            body,
        }))
    }

    pub(super) fn numbered(self, number: usize) -> Self {
        Self { number, ..self }
    }
}
