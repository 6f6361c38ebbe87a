//! A received HTTP request, which may be the upgrade request of a WebSocket.

use std::io::{self, Read};

use tungstenite::handshake::derive_accept_key;

/// A recorded HTTP request.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    pub(crate) number: usize,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl HttpRequest {
    /// Returns the number of the request at its endpoint, counted from 0.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Returns the method, such as `POST`.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Returns the path and the query, as sent.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns the path without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Returns a header. The case of its name does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let header = headers.find(|(found, _)| found.eq_ignore_ascii_case(name));
        header.map(|(_, value)| value.as_str())
    }

    /// Returns all headers in the order in which they were sent.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// Returns the body as sent.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns the decoded fields of the form in the body, in order.
    pub fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// Returns a decoded field of the form in the body.
    pub fn field(&self, name: &str) -> Option<String> {
        find(&self.body, name)
    }

    /// Returns a decoded parameter of the query.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        find(query.as_bytes(), name)
    }

    /// Returns the response that accepts the upgrade to a WebSocket.
    pub fn upgrade_response(&self) -> String {
        let key = self
            .header("sec-websocket-key")
            .expect("the request has a Sec-WebSocket-Key");
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            derive_accept_key(key.as_bytes())
        )
    }

    pub(crate) fn read(stream: &mut impl Read) -> io::Result<Self> {
        let head = read_head(stream)?;
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        request
            .parse(&head)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let headers = request.headers.iter().map(|header| {
            let value = String::from_utf8_lossy(header.value).into_owned();
            (header.name.to_owned(), value)
        });
        let mut request = Self {
            number: 0,
            method: request.method.unwrap_or_default().into(),
            target: request.path.unwrap_or_default().into(),
            headers: headers.collect(),
            body: vec![],
        };
        if let Some(length) = request.header("content-length") {
            request.body = vec![0; length.parse().unwrap_or(0)];
            stream.read_exact(&mut request.body)?;
        }
        Ok(request)
    }
}

/// Reads up to the empty line, one byte at a time, because the following bytes belong to the next reader.
pub(crate) fn read_head(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).map_err(|error| {
            let read = head.len();
            io::Error::new(error.kind(), format!("{read} bytes arrived, then: {error}"))
        })?;
        head.extend(byte);
    }
    Ok(head)
}

fn find(form: &[u8], name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(form);
    pairs
        .find(|(found, _)| found == name)
        .map(|(_, value)| value.into_owned())
}
