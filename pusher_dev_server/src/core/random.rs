//! Generates socket ids and nonces by hashing a seed and a counter, so that a test with a fixed seed is reproducible.

use std::fmt;

use sha2::{Digest as _, Sha256};

pub(crate) struct Random {
    seed: [u8; 32],
    counter: u64,
}

impl Random {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self { seed, counter: 0 }
    }

    pub(crate) fn socket_id(&mut self) -> String {
        let [a, b, c, d, e, f, g, h, ..] = self.block();
        let first = u32::from_be_bytes([a, b, c, d]);
        let second = u32::from_be_bytes([e, f, g, h]);
        format!("{first}.{second}")
    }

    pub(crate) fn nonce(&mut self) -> [u8; 24] {
        let mut nonce = [0; 24];
        for (to, from) in nonce.iter_mut().zip(self.block()) {
            *to = from;
        }
        nonce
    }

    fn block(&mut self) -> [u8; 32] {
        // Each block is used once, because a nonce must not repeat under the same key.
        self.counter += 1;
        let mut hash = Sha256::new();
        hash.update(self.seed);
        hash.update(self.counter.to_be_bytes());
        hash.finalize().into()
    }
}

/// Hides the seed, which determines every future nonce.
impl fmt::Debug for Random {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Random(…)")
    }
}
