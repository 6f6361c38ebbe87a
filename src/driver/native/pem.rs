//! Certificates as PEM (RFC 7468). The platform's library reads it on most systems, and panics on iOS.

use base64::{Engine, engine::general_purpose::STANDARD};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The certificates in a text, each as DER. `None` if one has no end, or is not base64.
pub(super) fn certificates(pem: &[u8]) -> Option<Vec<Vec<u8>>> {
    // What stands between them may be anything.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_of_certificates_is_read_whatever_stands_between_them() {
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
    fn a_certificate_without_an_end_and_one_that_is_not_base64_are_none() {
        for broken in ["", "AAEC", "AA*C\n-----END CERTIFICATE-----"] {
            assert_eq!(certificates(format!("{BEGIN}\n{broken}").as_bytes()), None);
        }
    }
}
