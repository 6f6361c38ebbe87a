//! A tunnel through an HTTP proxy (`CONNECT`, RFC 9110, section 9.3.6).

use std::io::{Read, Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use pusher_protocol::session::ConnectionError;

use super::connector::Peer;
use crate::config::Proxy;

/// The largest response head, in bytes.
const HEAD_LIMIT: usize = 16 << 10;

/// The proxy's HTTP status, if it sent one, and the reason why there is no tunnel.
type Refusal = (Option<u16>, String);

/// The error for a proxy that opened no tunnel.
pub(super) fn error(proxy: &Proxy, status: Option<u16>, reason: &str) -> ConnectionError {
    ConnectionError::Proxy {
        host: proxy.host.clone(),
        port: proxy.port,
        status,
        reason: reason.into(),
    }
}

/// Requests a tunnel from the proxy on this stream. Afterwards the stream leads to the peer, and none of the peer's bytes have been read.
pub(super) fn open(
    stream: &mut (impl Read + Write),
    proxy: &Proxy,
    peer: &Peer,
) -> Result<(), ConnectionError> {
    try_open(stream, proxy, peer).map_err(|(status, reason)| error(proxy, status, &reason))
}

fn try_open(stream: &mut (impl Read + Write), proxy: &Proxy, peer: &Peer) -> Result<(), Refusal> {
    let request = request(proxy, peer)?;
    stream
        .write_all(request.as_bytes())
        .and_then(|()| stream.flush())
        .map_err(|error| refused(&error.to_string()))?;
    let head = read_head(stream)?;
    match status(head.lines().next().unwrap_or_default()) {
        Some((200..=299, _)) => Ok(()),
        Some((407, _)) if proxy.credentials.is_none() => {
            Err((Some(407), "it requires credentials".into()))
        }
        Some((407, _)) => Err((Some(407), "it rejected the credentials".into())),
        Some((status, phrase)) => Err((Some(status), phrase)),
        None => Err(refused("it does not speak HTTP")),
    }
}

fn request(proxy: &Proxy, peer: &Peer) -> Result<String, Refusal> {
    let host = if peer.host.contains(':') {
        format!("[{}]", peer.host)
    } else {
        peer.host.clone()
    };
    let target = format!("{host}:{}", peer.port);
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    if let Some((user, password)) = &proxy.credentials {
        if user.contains(':') {
            return Err(refused("the user name for it contains a colon"));
        }
        let credentials = STANDARD.encode(format!("{user}:{password}"));
        request += &format!("Proxy-Authorization: Basic {credentials}\r\n");
    }
    request += "\r\n";
    Ok(request)
}

/// Reads up to the empty line and no further: the next bytes are the peer's.
fn read_head(stream: &mut impl Read) -> Result<String, Refusal> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"\n\n") {
        let mut byte = [0];
        if stream
            .read(&mut byte)
            .map_err(|error| refused(&error.to_string()))?
            == 0
        {
            return Err(refused("it closed the connection"));
        }
        head.extend(byte);
        if head.len() > HEAD_LIMIT {
            return Err(refused("its response is too long"));
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Returns status and reason of a line such as `HTTP/1.1 200 Connection established`.
fn status(line: &str) -> Option<(u16, String)> {
    let rest = line.strip_prefix("HTTP/1.")?;
    let mut parts = rest.splitn(3, ' ').skip(1);
    let status = parts.next()?.trim().parse().ok()?;
    let phrase = parts.next().unwrap_or_default();
    let printable = |c: &char| !c.is_control();
    Some((status, phrase.chars().filter(printable).take(200).collect()))
}

fn refused(reason: &str) -> Refusal {
    (None, reason.into())
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor};

    use super::*;

    /// A stream with a fixed response of a proxy, and the request that was written to it.
    struct FixedResponse(Cursor<Vec<u8>>, Vec<u8>);

    impl Read for FixedResponse {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl Write for FixedResponse {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn ask(
        proxy: &Proxy,
        host: &str,
        answer: &str,
    ) -> (Result<(), ConnectionError>, FixedResponse) {
        let mut stream = FixedResponse(Cursor::new(answer.into()), Vec::new());
        let peer = Peer {
            host: host.into(),
            port: 443,
            tls: true,
        };
        (open(&mut stream, proxy, &peer), stream)
    }

    #[test]
    fn proxy_request_has_credentials_and_reads_only_the_response() {
        let answer = "HTTP/1.1 200 Connection established\r\nX-Via: me\r\n\r\nsecret";
        let proxy = Proxy::new("[::1]", 1).with_credentials("Aladdin", "open sesame");
        assert_eq!(proxy.host, "::1");
        let (opened, mut stream) = ask(&proxy, "game.example.com", answer);
        opened.unwrap();
        let request = String::from_utf8(std::mem::take(&mut stream.1)).unwrap();
        // The example of RFC 7617.
        let expected = "CONNECT game.example.com:443 HTTP/1.1\r\nHost: game.example.com:443\r\n\
                        Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
        assert_eq!(request, expected);
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "secret");

        let (opened, stream) = ask(&Proxy::new("p", 1), "2001:db8::1", "HTTP/1.0 200\n\n");
        opened.unwrap();
        let head = b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\n";
        assert!(stream.1.starts_with(head));
    }

    #[test]
    fn proxy_refusal_has_the_status_and_no_secret() {
        let open = &Proxy::new("p", 1);
        let with = |user: &str| open.clone().with_credentials(user, "sesame");
        let (locked, invalid) = (&with("a"), &with("a:b"));
        let http = |status: &str| format!("HTTP/1.1 {status}\r\n\r\n");
        for (proxy, answer, expected, part) in [
            (open, http("407 A"), Some(407), "requires credentials"),
            (locked, http("407"), Some(407), "rejected the credentials"),
            (open, http("403 Not\u{7} it"), Some(403), "Not it"),
            (open, http("302 Found"), Some(302), "Found"),
            (open, "SSH-2.0-OpenSSH\r\n\r\n".into(), None, "HTTP"),
            (open, "HTTP/1.1 200".into(), None, "closed"),
            (open, String::new(), None, "closed"),
            (open, "x".repeat(1 << 15), None, "too long"),
            (invalid, String::new(), None, "colon"),
        ] {
            let error = ask(proxy, "h", &answer).0.unwrap_err();
            let ConnectionError::Proxy { status, reason, .. } = error else {
                panic!("{error:?}")
            };
            assert_eq!(status, expected, "{answer}");
            assert!(
                reason.contains(part) && !reason.contains("sesame"),
                "{reason}"
            );
        }
        assert!(!format!("{:?}", with("Aladdin")).contains("Aladdin"));
    }
}
