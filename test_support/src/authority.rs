//! Certificates for TLS servers in tests, and the authority that signs them.

use native_tls::{Identity, TlsAcceptor};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// A certificate authority. Only a client that is configured with its [`pem`](Self::pem) trusts the certificates that it signs.
#[derive(Debug)]
pub struct TestAuthority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl TestAuthority {
    /// Creates an authority with a new key.
    pub fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters
            .distinguished_name
            .push(DnType::CommonName, "The authority of a test");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key can be generated");
        Self {
            issuer: CertifiedIssuer::self_signed(parameters, key)
                .expect("an authority can be signed"),
        }
    }

    /// Returns the certificate that a client must trust, as PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Creates a certificate for `localhost`, `127.0.0.1` and `::1`.
    pub fn localhost(&self) -> TestCertificate {
        self.sign(&["localhost", "127.0.0.1", "::1"], false)
    }

    /// Creates a certificate for another host, for tests of a wrong name.
    pub fn for_host(&self, host: &str) -> TestCertificate {
        self.sign(&[host], false)
    }

    /// Like [`localhost`](Self::localhost), but expired.
    pub fn expired(&self) -> TestCertificate {
        self.sign(&["localhost", "127.0.0.1", "::1"], true)
    }

    fn sign(&self, hosts: &[&str], expired: bool) -> TestCertificate {
        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let mut parameters = CertificateParams::new(hosts).expect("the host names are well formed");
        parameters
            .distinguished_name
            .push(DnType::CommonName, "The server of a test");
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.use_authority_key_identifier_extension = true;
        if expired {
            parameters.not_before = date_time_ymd(2001, 1, 1);
            parameters.not_after = date_time_ymd(2002, 1, 1);
        }
        let key = KeyPair::generate().expect("a key can be generated");
        let certificate = parameters
            .signed_by(&key, &self.issuer)
            .expect("a certificate can be signed");
        TestCertificate {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        }
    }
}

impl Default for TestAuthority {
    fn default() -> Self {
        Self::new()
    }
}

/// A server's certificate and its private key (PKCS #8), as PEM.
#[derive(Debug, Clone)]
pub struct TestCertificate {
    pub(crate) certificate_pem: String,
    pub(crate) key_pem: String,
}

impl TestCertificate {
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let identity =
            Identity::from_pkcs8(self.certificate_pem.as_bytes(), self.key_pem.as_bytes())
                .expect("the platform's TLS library takes the certificate");
        TlsAcceptor::new(identity).expect("a TLS acceptor can be created")
    }
}
