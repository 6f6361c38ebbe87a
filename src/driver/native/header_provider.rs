//! The game's own headers of the handshake, and its code that provides them.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

use pusher_protocol::session::DialId;

use super::{
    cutoff::{Cutoff, NoAnswer, Waiter},
    workers::Workers,
};
use crate::auth::Provider;

/// How many calls of the provider may be under way: the one that is waited for, and those before it that did not return.
/// Each hangs in a thread of its own, and there is another with each attempt.
const MOST_CALLS: usize = 4;

/// The game's own headers of the upgrade request.
#[derive(Clone, Default)]
pub(super) struct HandshakeHeaders {
    pub(super) fixed: Vec<(String, String)>,
    pub(super) provider: Option<Provider>,
    pub(super) calls: Arc<ProviderCalls>,
}

/// Where the provider is called: on threads of its own, so that one that does not return keeps no dial.
pub(super) struct ProviderCalls(Workers<DialId>);

/// Why there are no headers.
pub(super) enum ProviderError {
    Panicked,
    TimedOut,
    Cut,
    NoThread(String),
}

impl Default for ProviderCalls {
    fn default() -> Self {
        Self(Workers::new("pusher-headers", 1, MOST_CALLS))
    }
}

impl HandshakeHeaders {
    /// The provider's headers for this dial. While too many earlier calls hang, it waits for one of them to return.
    pub(super) fn provided(
        &self,
        dial: DialId,
        deadline: Instant,
        cutoff: &Cutoff,
    ) -> Result<Vec<(String, String)>, ProviderError> {
        let Some(provide) = self.provider.clone() else {
            return Ok(Vec::new());
        };
        let (waiter, answer) = Waiter::attach(cutoff);
        let waiting = Arc::downgrade(&waiter);
        let call = move || {
            let provided = catch_unwind(AssertUnwindSafe(|| provide()));
            if let Some(waiter) = waiting.upgrade() {
                waiter.answer(provided.map_err(|_| ProviderError::Panicked));
            }
        };
        let ProviderCalls(workers) = &*self.calls;
        workers
            .submit(dial, call)
            .map_err(|error| ProviderError::NoThread(error.to_string()))?;
        answer.until(deadline).unwrap_or_else(|no_answer| {
            workers.cancel(dial);
            Err(match no_answer {
                NoAnswer::TimedOut => ProviderError::TimedOut,
                NoAnswer::Cut => ProviderError::Cut,
            })
        })
    }
}
