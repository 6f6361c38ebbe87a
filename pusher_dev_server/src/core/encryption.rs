//! Encryption of events: NaCl secretbox with a key derived from the channel name and the master key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_secretbox::aead::Aead as _;
use crypto_secretbox::{KeyInit as _, XSalsa20Poly1305};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::config::EncryptionMasterKey;
use super::error::PublishError;
use super::frame::encode;

#[derive(Serialize)]
struct Sealed {
    nonce: String,
    ciphertext: String,
}

impl EncryptionMasterKey {
    /// Returns the secret that the auth endpoint gives to the subscribers of `channel`.
    #[must_use]
    pub fn shared_secret(&self, channel: &str) -> [u8; 32] {
        // The derivation of the official server libraries.
        let mut hash = Sha256::new();
        hash.update(channel.as_bytes());
        hash.update(self.0);
        hash.finalize().into()
    }

    /// Returns the same secret in base64, as in the response of the auth endpoint.
    #[must_use]
    pub fn shared_secret_base64(&self, channel: &str) -> String {
        STANDARD.encode(self.shared_secret(channel))
    }

    /// Encrypts the data of an event: `{"nonce":…,"ciphertext":…}`. A nonce must not be used twice with one key.
    ///
    /// # Errors
    /// [`PublishError::Encryption`], if the plaintext is too long for the cipher.
    pub fn seal(
        &self,
        channel: &str,
        plaintext: &str,
        nonce: [u8; 24],
    ) -> Result<String, PublishError> {
        let cipher = XSalsa20Poly1305::new(&self.shared_secret(channel).into());
        let ciphertext = cipher
            .encrypt(&nonce.into(), plaintext.as_bytes())
            .map_err(|_| PublishError::Encryption)?;
        Ok(encode(&Sealed {
            nonce: STANDARD.encode(nonce),
            ciphertext: STANDARD.encode(ciphertext),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::test_support::vectors;

    #[test]
    fn encryption_matches_every_vector() {
        let vectors = vectors();
        let mut sealed = 0;
        for vector in vectors["encryption"].as_array().unwrap() {
            let text = |field: &str| vector.get(field).and_then(|value| value.as_str());
            let (Some(master_key), Some(plaintext)) = (text("master_key"), text("plaintext"))
            else {
                continue;
            };
            let channel = text("channel").unwrap();
            let master_key = EncryptionMasterKey::from_base64(master_key).unwrap();
            assert_eq!(
                master_key.shared_secret_base64(channel),
                text("shared_secret").unwrap()
            );
            let nonce = STANDARD
                .decode(text("nonce").unwrap())
                .unwrap()
                .try_into()
                .unwrap();
            let data: serde_json::Value =
                serde_json::from_str(&master_key.seal(channel, plaintext, nonce).unwrap()).unwrap();
            assert_eq!(data["nonce"], vector["nonce"]);
            assert_eq!(data["ciphertext"], vector["ciphertext"]);
            sealed += 1;
        }
        assert!(sealed >= 4);
    }
}
