//! TLS: the trusted certificate authorities, and the handshake. [`TrustStore`] has one implementation for each TLS library.

use pusher_protocol::session::ConnectionError;

use super::stream::{MaybeTlsStream, TcpSocket};
use crate::config::Pem;

pub(super) use implementation::TrustStore;

#[cfg(feature = "native-tls")]
mod implementation {
    use std::sync::OnceLock;

    use native_tls::{Certificate, HandshakeError, TlsConnector};

    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::{ConnectionError, MaybeTlsStream, Pem, TcpSocket};

    /// The system's certificate authorities and the configured ones, for the socket and for HTTP.
    pub(in super::super) struct TrustStore {
        authorities: Vec<Pem>,
        /// Created at the first use, which is never on the network thread: reading the system's store takes a while.
        connector: OnceLock<Result<TlsConnector, String>>,
    }

    impl TrustStore {
        /// Trusts the system's authorities and these.
        pub(in super::super) fn new(authorities: Vec<Pem>) -> Self {
            Self {
                authorities,
                connector: OnceLock::new(),
            }
        }

        /// Performs the TLS handshake with the host, until the deadline of the TCP transport.
        pub(in super::super) fn handshake(
            &self,
            host: &str,
            tcp: TcpSocket,
        ) -> Result<MaybeTlsStream, ConnectionError> {
            let failed = |reason| {
                let host = host.to_owned();
                ConnectionError::Tls { host, reason }
            };
            let connector = self
                .connector
                .get_or_init(|| connector(&self.authorities))
                .as_ref()
                .map_err(|reason| failed(reason.clone()))?;
            match connector.connect(host, tcp) {
                Ok(stream) => Ok(MaybeTlsStream::Tls(Box::new(stream))),
                Err(HandshakeError::Failure(error)) => Err(failed(error_message(&error))),
                // The TCP transport never returns `WouldBlock` while dialling.
                Err(HandshakeError::WouldBlock(_)) => {
                    Err(failed("the handshake was interrupted".into()))
                }
            }
        }
    }

    fn error_message(error: &native_tls::Error) -> String {
        let reason = error.to_string();
        // OpenSSL's messages for a peer that does not speak TLS.
        let is_plain = ["wrong version number", "packet length too long"]
            .iter()
            .any(|words| reason.contains(words));
        if is_plain {
            format!("the endpoint does not speak TLS; check the port ({reason})")
        } else {
            reason
        }
    }

    fn connector(authorities: &[Pem]) -> Result<TlsConnector, String> {
        let mut builder = TlsConnector::builder();
        for pem in authorities {
            let certificates = certificates(&pem.0)
                .ok_or("a configured certificate authority is not valid PEM")?;
            if certificates.is_empty() {
                return Err(
                    "a configured certificate authority contains no PEM certificate".into(),
                );
            }
            for der in certificates {
                let certificate = Certificate::from_der(&der).map_err(|error| {
                    format!(
                        "a configured certificate authority is not a valid certificate: {error}"
                    )
                })?;
                builder.add_root_certificate(certificate);
            }
        }
        builder.build().map_err(|error| error.to_string())
    }

    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";

    /// Returns the certificates in a PEM text (RFC 7468) as DER, or `None` if one has no end or is not base64. Not left to the TLS library,
    /// because Apple's panics for PEM on iOS.
    pub(super) fn certificates(pem: &[u8]) -> Option<Vec<Vec<u8>>> {
        // Between certificates, any text is allowed.
        let text = String::from_utf8_lossy(pem);
        let mut rest = &*text;
        let mut certificates = Vec::new();
        while let Some((_, after)) = rest.split_once(BEGIN) {
            let (body, after) = after.split_once(END)?;
            let body: String = body.split_ascii_whitespace().collect();
            certificates.push(STANDARD.decode(body).ok()?);
            rest = after;
        }
        Some(certificates)
    }
}

#[cfg(not(feature = "native-tls"))]
mod implementation {
    use super::{ConnectionError, MaybeTlsStream, Pem, TcpSocket};

    /// This build has no TLS.
    pub(in super::super) struct TrustStore;

    impl TrustStore {
        pub(in super::super) fn new(_authorities: Vec<Pem>) -> Self {
            Self
        }

        pub(in super::super) fn handshake(
            &self,
            _host: &str,
            _tcp: TcpSocket,
        ) -> Result<MaybeTlsStream, ConnectionError> {
            Err(ConnectionError::Unsupported(
                "this build has no TLS: enable the feature `native-tls` of bevy_pusher".into(),
            ))
        }
    }
}

#[cfg(all(test, feature = "native-tls"))]
mod tests {
    use super::implementation::certificates;

    #[test]
    fn pem_bundle_is_read_with_text_between_certificates() {
        let one = "-----BEGIN CERTIFICATE-----\r\nAAEC\r\nAwQF\r\n-----END CERTIFICATE-----";
        let other = "-----BEGIN CERTIFICATE-----\nBgcICQo=\n-----END CERTIFICATE-----\n";
        let bundle = [
            b"# Caf\xe9\n",
            one.as_bytes(),
            b"\n\nsubject=/CN=x\n",
            other.as_bytes(),
        ];
        let read = certificates(&bundle.concat());
        assert_eq!(
            read,
            Some(vec![vec![0, 1, 2, 3, 4, 5], vec![6, 7, 8, 9, 10]])
        );
        assert_eq!(certificates(b""), Some(Vec::new()));
    }

    #[test]
    fn truncated_or_invalid_certificates_are_rejected() {
        for broken in ["", "AAEC", "AA*C\n-----END CERTIFICATE-----"] {
            assert_eq!(
                certificates(format!("-----BEGIN CERTIFICATE-----\n{broken}").as_bytes()),
                None
            );
        }
    }
}
