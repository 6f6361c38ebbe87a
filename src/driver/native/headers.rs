//! Headers from the configuration: their validation, and the provider of those of the handshake.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

use tungstenite::http::{HeaderMap, HeaderName, HeaderValue};

use super::{
    cancel::{CancelToken, Stopped, wait},
    threads::Threads,
};
use crate::{
    auth::{Pairs, Provider},
    config::PusherConfig,
};

/// How many calls of the provider may run at a time: the current one, and earlier ones that have not returned. Each attempt to connect
/// makes another call, so without a limit a provider that hangs would collect threads.
const PROVIDER_CALLS: usize = 4;

/// A header that cannot be sent. The value is left out, since it may be secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RefusedHeader {
    pub(super) name: String,
    pub(super) reason: &'static str,
}

/// Sets a header, in place of an earlier one of the same name.
pub(super) fn set(
    headers: &mut HeaderMap,
    name: &str,
    value: &str,
    is_reserved: fn(&HeaderName) -> bool,
) -> Result<(), RefusedHeader> {
    let refused = |reason| RefusedHeader {
        name: name.to_owned(),
        reason,
    };
    let name =
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused("invalid header name"))?;
    if is_reserved(&name) {
        return Err(refused("it is reserved for the client"));
    }
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| refused("its value has characters that a header must not contain"))?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

/// The configured headers of the upgrade request.
#[derive(Clone)]
pub(super) struct HandshakeHeaders {
    pub(super) fixed: Pairs,
    provider: Option<Provider>,
    calls: Arc<Threads>,
}

impl HandshakeHeaders {
    pub(super) fn new(config: &PusherConfig, calls: &Arc<Threads>) -> Self {
        Self {
            fixed: config.handshake_headers.clone(),
            provider: config.handshake_header_provider.clone(),
            calls: calls.clone(),
        }
    }

    /// The threads on which providers are called. A provider that does not return must not hold up the dial's own thread.
    pub(super) fn threads() -> Threads {
        Threads::new("pusher-headers", PROVIDER_CALLS)
    }

    /// Calls the provider. Fails with the reason.
    pub(super) fn provided(
        &self,
        deadline: Instant,
        token: &CancelToken,
    ) -> Result<Vec<(String, String)>, Stopped<String>> {
        let Some(provide) = self.provider.clone() else {
            return Ok(Vec::new());
        };
        let (answerer, answer) = wait(token);
        let answerer = Arc::downgrade(&answerer);
        let call = move || {
            let provided = catch_unwind(AssertUnwindSafe(&*provide));
            if let Some(answerer) = answerer.upgrade() {
                answerer.answer(provided.map_err(|_| "it panicked".to_owned()));
            }
        };
        self.calls
            .spawn(call)
            .map_err(|error| Stopped::Failed(error.to_string()))?;
        answer.until(deadline)
    }
}
