//! The keys of encrypted channels. This module does not encrypt events.

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

/// Returns the field `shared_secret` of the authorization of an encrypted channel, in base64: the key of the channel's events.
///
/// `master_key` is the decoded `encryptionMasterKeyBase64` of the server libraries. The secret is the SHA-256 of the channel's name
/// followed by this key. The Pusher server has neither the key nor the secret, so it cannot read the events.
#[must_use]
pub fn channel_secret(channel: &str, master_key: &[u8; 32]) -> String {
    let hash = Sha256::new()
        .chain_update(channel)
        .chain_update(master_key)
        .finalize();
    STANDARD.encode(hash)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn check(channel: &str, master_key: &str, secret: &str) {
        let master_key = STANDARD.decode(master_key).unwrap().try_into().unwrap();
        assert_eq!(channel_secret(channel, &master_key), secret);
    }

    #[test]
    fn every_secret_of_the_vectors_is_derived() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../../tests/data/vectors.json")).unwrap();
        let mut derived = 0;
        for vector in vectors["encryption"].as_array().unwrap() {
            // The other vectors must fail to decrypt, and their keys are not derived from a master key.
            let Some(master_key) = vector["master_key"].as_str() else {
                continue;
            };
            let (channel, secret) = (&vector["channel"], &vector["shared_secret"]);
            check(
                channel.as_str().unwrap(),
                master_key,
                secret.as_str().unwrap(),
            );
            derived += 1;
        }
        assert!(derived >= 4);
    }

    /// From the tests of Pusher's server libraries for Go and Node.
    #[test]
    fn secrets_of_the_server_libraries_are_derived() {
        check(
            "private-encrypted-foobar",
            "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
            "Uedy6frF2/3cz/oMziDQ0pGdahMvE50/N0xZ8eKYEIg=",
        );
        check(
            "private-encrypted-bla",
            "zyrm8pvV2C9fJcBfhyXzvxbJVN/H7QLmbe0xJi1GhPU=",
            "nlr49ISQHz91yS3cy/yWmW8wFMNeTnNL5tNHnbPJcLQ=",
        );
    }
}
