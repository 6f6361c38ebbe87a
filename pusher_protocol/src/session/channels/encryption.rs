//! Encrypted channels: NaCl secretbox, compatible with pusher-js. Events that cannot be decrypted are never delivered.

use std::{borrow::Cow, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use crypto_secretbox::{KeyInit, Nonce, XSalsa20Poly1305, aead::Aead};
use serde::Deserialize;

use crate::{
    protocol::{AuthError, ChannelAuthorization, ChannelName, EventData},
    session::{
        Notice, PusherError, ReceivedEvent, RequestId, channels::Channels, context::Context,
        throttle::Throttle,
    },
};

/// The limit on requests for a new key of one channel, so that invalid events on the channel do not overload the backend.
const REKEYS: Throttle = Throttle::new(1, Duration::from_secs(5));

/// A key changes for all clients at the same moment, so their requests for the new key are spread over this time.
const REKEY_SPREAD: Duration = Duration::from_secs(1);

/// Events that may wait for a new key, worth some seconds; further ones are dropped and reported.
const REKEY_BACKLOG: usize = 1024;

/// The same limit in bytes, 4 KiB per event. A first event always waits, whatever its size.
const REKEY_BACKLOG_BYTES: usize = 4 << 20;

/// The length of a secretbox nonce.
const NONCE_BYTES: usize = 24;

/// The key of one channel, and the events that wait for a new one. The cipher zeroizes its key on drop.
pub(super) struct Encryption {
    cipher: XSalsa20Poly1305,
    rekey: Option<Rekey>,
    rekeys: Throttle,
}

struct Rekey {
    stage: Stage,
    waiting: Vec<ReceivedEvent<'static>>,
    bytes: usize,
}

/// The stage of the request for a new key.
#[derive(PartialEq, Eq)]
enum Stage {
    /// Waits for a random time before the request.
    Waiting {
        timer: u64,
    },
    /// Waits in the queue of authorizations.
    Queued,
    Requested(RequestId),
}

impl Rekey {
    fn new(timer: u64, event: ReceivedEvent<'_>) -> Self {
        Self {
            stage: Stage::Waiting { timer },
            bytes: size(&event),
            waiting: vec![event.into_owned()],
        }
    }

    fn has_room_for(&self, event: &ReceivedEvent<'_>) -> bool {
        self.waiting.len() < REKEY_BACKLOG && self.bytes + size(event) <= REKEY_BACKLOG_BYTES
    }

    fn push(&mut self, event: ReceivedEvent<'_>) {
        self.bytes += size(&event);
        self.waiting.push(event.into_owned());
    }
}

fn size(event: &ReceivedEvent<'_>) -> usize {
    event.event.len() + event.data.as_str().len()
}

/// Why an event cannot be decrypted.
enum DecryptError {
    /// Not a valid secretbox message; no key decrypts it.
    Malformed(&'static str),
    /// Encrypted with another key, or tampered with.
    WrongKey,
}

impl Encryption {
    pub(super) fn new(shared_secret: Option<&str>) -> Result<Self, AuthError> {
        let secret = shared_secret.ok_or(AuthError::MissingField {
            field: "shared_secret",
        })?;
        let invalid = AuthError::InvalidField {
            field: "shared_secret",
        };
        let key = BASE64_STANDARD
            .decode(secret)
            // The cipher wipes its own copy of the key, but not this one.
            .map(zeroize::Zeroizing::new)
            .map_err(|_| invalid.clone())?;
        let cipher = XSalsa20Poly1305::new_from_slice(&key).map_err(|_| invalid)?;
        Ok(Self {
            cipher,
            rekey: None,
            rekeys: REKEYS,
        })
    }

    /// Drops the events that wait for a new key, and reports them.
    pub(super) fn cancel_rekey(&mut self, context: &mut Context, name: &ChannelName) {
        for event in self
            .rekey
            .take()
            .into_iter()
            .flat_map(|rekey| rekey.waiting)
        {
            let reason = "the subscription ended before a new key arrived";
            report(context, name, &event.event, reason);
        }
    }

    /// Whether this timer ends the random wait before the request for a new key.
    pub(super) fn waits_for(&self, timer: u64) -> bool {
        let waits = |rekey: &Rekey| rekey.stage == Stage::Waiting { timer };
        self.rekey.as_ref().is_some_and(waits)
    }

    /// Moves the request for a new key to the queue.
    pub(super) fn queue(&mut self) {
        if let Some(rekey) = &mut self.rekey {
            rekey.stage = Stage::Queued;
        }
    }

    pub(super) fn is_queued(&self) -> bool {
        self.rekey
            .as_ref()
            .is_some_and(|rekey| rekey.stage == Stage::Queued)
    }

    /// The request was sent.
    pub(super) fn requested(&mut self, request: RequestId, now: Duration) {
        // When the request is sent, not when it is queued: the interval protects the backend.
        self.rekeys.take(now);
        if let Some(rekey) = &mut self.rekey {
            rekey.stage = Stage::Requested(request);
        }
    }

    fn decrypt(&self, data: &EventData<'_>) -> Result<String, DecryptError> {
        #[derive(Deserialize)]
        struct Wire {
            nonce: String,
            ciphertext: String,
        }
        let wire: Wire = data
            .parse()
            .map_err(|_| DecryptError::Malformed("missing nonce or ciphertext"))?;
        let decode = |text: &str| {
            BASE64_STANDARD
                .decode(text)
                .map_err(|_| DecryptError::Malformed("invalid base64"))
        };
        let (nonce, ciphertext) = (decode(&wire.nonce)?, decode(&wire.ciphertext)?);
        let nonce: [u8; NONCE_BYTES] = nonce
            .try_into()
            .map_err(|_| DecryptError::Malformed("the nonce is not 24 bytes long"))?;
        // Without this check a short ciphertext would count as a wrong key and request another one.
        if ciphertext.len() < XSalsa20Poly1305::TAG_SIZE {
            return Err(DecryptError::Malformed(
                "the ciphertext is shorter than its tag",
            ));
        }
        let plain = self
            .cipher
            .decrypt(&Nonce::from(nonce), &*ciphertext)
            .map_err(|_| DecryptError::WrongKey)?;
        String::from_utf8(plain).map_err(|_| DecryptError::Malformed("the plaintext is not UTF-8"))
    }
}

impl std::fmt::Debug for Encryption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encryption")
            .field("rekeying", &self.rekey.is_some())
            // Neither the key nor the waiting events: they may be secret.
            .finish_non_exhaustive()
    }
}

impl Channels {
    /// Decrypts an event of an encrypted channel. If the current key fails, the event and all later ones of the channel wait,
    /// in order, for a new key from the backend.
    pub(in crate::session) fn decrypt<'a>(
        &mut self,
        context: &mut Context,
        name: &ChannelName,
        event: ReceivedEvent<'a>,
    ) -> Option<ReceivedEvent<'a>> {
        let encryption = self.encryption(name)?;
        // Events behind one that waits must wait too, even if the current key fits: they stay in order.
        if let Some(rekey) = &mut encryption.rekey {
            if rekey.has_room_for(&event) {
                rekey.push(event);
            } else {
                report(
                    context,
                    name,
                    &event.event,
                    "too many events wait for a new key",
                );
            }
            return None;
        }
        match encryption.decrypt(&event.data) {
            Ok(plain) => {
                return Some(ReceivedEvent {
                    data: EventData::Text(Cow::Owned(plain)),
                    ..event
                });
            }
            Err(DecryptError::Malformed(reason)) => report(context, name, &event.event, reason),
            Err(DecryptError::WrongKey) => {
                // The key is fresh, so the event is invalid, not the key.
                if encryption.rekeys.ready_at(context.now).is_some() {
                    report(context, name, &event.event, "wrong key");
                } else {
                    // Other clients got the same event at the same moment.
                    let timer = context.next_id();
                    let retry_at = context.now + REKEY_SPREAD.mul_f64(context.random.f64());
                    encryption.rekey = Some(Rekey::new(timer, event));
                    self.timers.set(retry_at, timer, name.clone());
                }
            }
        }
        None
    }

    /// Handles the response to a request for a new key: delivers or drops the events that waited.
    pub(super) fn on_rekeyed(
        &mut self,
        context: &mut Context,
        name: &ChannelName,
        request: RequestId,
        answer: Result<ChannelAuthorization, AuthError>,
    ) {
        let Some(encryption) = self.encryption(name) else {
            return;
        };
        let Some(rekey) = encryption
            .rekey
            // A response to an earlier request must not end the wait for a later one.
            .take_if(|rekey| rekey.stage == Stage::Requested(request))
        else {
            return;
        };
        let fresh = answer
            .and_then(|authorization| Encryption::new(authorization.shared_secret.as_deref()));
        match fresh {
            // Only the cipher is replaced: the throttle of the requests goes on.
            Ok(fresh) => encryption.cipher = fresh.cipher,
            Err(error) => {
                for event in &rekey.waiting {
                    report(
                        context,
                        name,
                        &event.event,
                        &format!("failed to get a new key: {error}"),
                    );
                }
                return;
            }
        }
        for event in rekey.waiting {
            match encryption.decrypt(&event.data) {
                Ok(plain) => {
                    let data = EventData::Text(Cow::Owned(plain));
                    context.notice(Notice::Event(ReceivedEvent { data, ..event }));
                }
                Err(DecryptError::Malformed(reason)) => report(context, name, &event.event, reason),
                Err(DecryptError::WrongKey) => {
                    report(context, name, &event.event, "the new key is wrong too")
                }
            }
        }
    }
}

fn report(context: &mut Context, name: &ChannelName, event: &str, reason: &str) {
    context.report(PusherError::Undecryptable {
        channel: name.clone(),
        event: event.into(),
        reason: reason.into(),
    });
}
