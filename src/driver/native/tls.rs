//! Whom to trust, and TLS over the wire.

use super::{stream::Stream, wire::Wire};

pub(super) use implementation::Trust;

/// Why there is no TLS.
#[derive(Debug)]
pub(super) enum TlsError {
    /// This build has none.
    #[cfg(not(feature = "native-tls"))]
    Unsupported(String),
    /// The library's own words.
    #[cfg_attr(
        not(feature = "native-tls"),
        expect(dead_code, reason = "there is no library")
    )]
    Failed(String),
}

#[cfg(feature = "native-tls")]
mod implementation {
    use std::sync::OnceLock;

    use native_tls::{Certificate, HandshakeError, TlsConnector};

    use super::{super::pem::certificates, Stream, TlsError, Wire};

    /// The system's certificate authorities and the game's own, for the socket and for HTTP alike.
    pub(in super::super) struct Trust {
        authorities: Vec<Vec<u8>>,
        /// Made at the first use, off the network thread: reading the system's store takes a while.
        connector: OnceLock<Result<TlsConnector, String>>,
    }

    impl Trust {
        /// The system's authorities and these, each text with one or more certificates as PEM.
        pub(in super::super) fn new(authorities: Vec<Vec<u8>>) -> Self {
            Self {
                authorities,
                connector: OnceLock::new(),
            }
        }

        /// Makes the TLS handshake with the host. It ends at the wire's deadline.
        pub(in super::super) fn handshake(
            &self,
            host: &str,
            wire: Wire,
        ) -> Result<Stream, TlsError> {
            let connector = self
                .connector
                .get_or_init(|| connector(&self.authorities))
                .as_ref()
                .map_err(|reason| TlsError::Failed(reason.clone()))?;
            match connector.connect(host, wire) {
                Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
                Err(HandshakeError::Failure(error)) => Err(TlsError::Failed(in_words(&error))),
                // The wire says nothing of the kind while it dials.
                Err(HandshakeError::WouldBlock(_)) => {
                    Err(TlsError::Failed("the handshake stopped half-way".into()))
                }
            }
        }
    }

    fn in_words(error: &native_tls::Error) -> String {
        let reason = error.to_string();
        // OpenSSL's words for bytes that are no TLS.
        let is_plain = ["wrong version number", "packet length too long"]
            .iter()
            .any(|words| reason.contains(words));
        if is_plain {
            format!("what answers there does not speak TLS, is the port the one for it? ({reason})")
        } else {
            reason
        }
    }

    fn connector(authorities: &[Vec<u8>]) -> Result<TlsConnector, String> {
        let mut builder = TlsConnector::builder();
        for pem in authorities {
            let certificates =
                certificates(pem).ok_or("a certificate authority given is no PEM")?;
            if certificates.is_empty() {
                return Err("a certificate authority given holds no certificate as PEM".into());
            }
            for der in certificates {
                let certificate = Certificate::from_der(&der).map_err(|error| {
                    format!("a certificate authority given is no certificate: {error}")
                })?;
                builder.add_root_certificate(certificate);
            }
        }
        builder.build().map_err(|error| error.to_string())
    }
}

#[cfg(not(feature = "native-tls"))]
mod implementation {
    use super::{Stream, TlsError, Wire};

    /// Nobody: this build has no TLS.
    pub(in super::super) struct Trust;

    impl Trust {
        pub(in super::super) fn new(_authorities: Vec<Vec<u8>>) -> Self {
            Self
        }

        pub(in super::super) fn handshake(
            &self,
            _host: &str,
            _wire: Wire,
        ) -> Result<Stream, TlsError> {
            Err(TlsError::Unsupported(
                "TLS is asked for, and this build has none: enable the feature native-tls of bevy_pusher".into(),
            ))
        }
    }
}
