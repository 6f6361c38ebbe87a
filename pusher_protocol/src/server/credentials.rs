//! An app's key and secret, and the signature of a text.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The key and the secret of an app. They create and verify its signatures.
///
/// With the secret, anyone can act as any user and read and publish everything, so keep it on the backend. `Debug` shows only the key.
#[derive(Clone)]
pub struct AppCredentials {
    pub(super) key: String,
    secret: String,
}

impl AppCredentials {
    /// Creates credentials from the key and the secret in the app's dashboard or the server's configuration.
    #[must_use]
    pub fn new(key: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            secret: secret.into(),
        }
    }

    /// Returns the public key, with which clients connect.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the signature of `text`: its HMAC-SHA256 with the secret, as lower-case hexadecimal digits.
    ///
    /// Prefer the methods that build the signed text: they check its parts.
    #[must_use]
    pub fn sign(&self, text: &[u8]) -> String {
        let signature = self.hmac(text).map(|hmac| hmac.finalize().into_bytes());
        hex::encode(signature.unwrap_or_default())
    }

    /// Returns whether `signature` is the [signature](Self::sign) of `text`, compared in constant time. Upper-case and lower-case
    /// digits are both accepted.
    ///
    /// A webhook is genuine if the header `X-Pusher-Key` equals the [key](Self::key) and `X-Pusher-Signature` verifies for the body, byte
    /// for byte as received.
    #[must_use]
    pub fn verify(&self, text: &[u8], signature: &str) -> bool {
        let Ok(signature) = hex::decode(signature) else {
            return false;
        };
        self.hmac(text)
            .is_some_and(|hmac| hmac.verify_slice(&signature).is_ok())
    }

    /// Returns `KEY:SIGNATURE`, as clients send it to the server.
    pub(super) fn auth(&self, text: &str) -> String {
        format!("{}:{}", self.key, self.sign(text.as_bytes()))
    }

    /// Always returns `Some`, because HMAC accepts a key of any length. The `Option` avoids an `expect` on the library's `Result`.
    fn hmac(&self, text: &[u8]) -> Option<Hmac<Sha256>> {
        let mut hmac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).ok()?;
        hmac.update(text);
        Some(hmac)
    }
}

impl fmt::Debug for AppCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppCredentials")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhook_vectors_verify_in_any_case_and_only_as_signed() {
        for (secret, body, signature) in [
            (
                "7ad3773142a6692b25b8",
                r#"{"time_ms":1327078148132,"events":[{"name":"channel_occupied","channel":"test_channel"}]}"#,
                "709fdb84c03664445f7698120b0edf0acc1ab1c8c6e93a0368c61841d6b998aa",
            ),
            (
                "secret",
                r#"{"hello":"world"}"#,
                "2677ad3e7c090b2fa2c0fb13020d66d5420879b8316eb356a2d60fb9073bc778",
            ),
            (
                "tofu",
                r#"{"time_ms":1403175510755,"events":[{"channel":"test_channel","name":"channel_vacated"}]}"#,
                "c17257e92037cd7de407ebc1ed174ceb7b2e518db127f44411b9ffc4f5b28cc5",
            ),
        ] {
            let app = AppCredentials::new("key", secret);
            let body = body.as_bytes();
            assert_eq!(app.sign(body), signature);
            assert!(app.verify(body, signature));
            assert!(app.verify(body, &signature.to_uppercase()));
            for wrong in ["", "no hex", &signature[..62], &format!("{signature}00")] {
                assert!(!app.verify(body, wrong), "{wrong:?}");
            }
            assert!(!app.verify(b"{}", signature));
            assert!(!AppCredentials::new("key", "other").verify(body, signature));
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", AppCredentials::new("key-1", "secret-4711"));
        assert!(
            shown.contains("key-1") && !shown.contains("4711"),
            "{shown}"
        );
    }
}
