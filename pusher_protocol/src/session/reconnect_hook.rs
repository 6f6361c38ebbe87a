//! [`ReconnectHook`]: a callback that overrides the reconnect policy.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use crate::session::ConnectionError;

/// A callback that decides what happens after a lost connection or a failed attempt, if no
/// [`ReconnectPolicy`](crate::config::ReconnectPolicy) fits.
///
/// The session calls it synchronously, so it must be fast and must not block. If it panics, the policy decides and the panic
/// is reported.
#[derive(Clone)]
pub struct ReconnectHook(Arc<Decide>);

type Decide = dyn Fn(&ReconnectContext<'_>) -> ReconnectDecision + Send + Sync;

/// The input of a [`ReconnectHook`].
#[derive(Clone, Copy, Debug)]
pub struct ReconnectContext<'a> {
    pub(super) error: &'a ConnectionError,
    pub(super) attempt: u32,
    pub(super) delay: Option<Duration>,
}

/// The decision of a [`ReconnectHook`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReconnectDecision {
    /// Follow the policy and the protocol.
    #[default]
    Policy,
    /// Reconnect after this delay, even if the policy would give up.
    After(Duration),
    /// Give up, even if the policy would reconnect.
    GiveUp,
}

impl ReconnectContext<'_> {
    /// Returns why there is no connection.
    #[must_use]
    pub fn error(&self) -> &ConnectionError {
        self.error
    }

    /// Returns the close code, if there is one.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        self.error.code()
    }

    /// Returns the number of failures in a row, from 1. An attempt that failed counts, and so does a connection that was lost.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Returns the delay that the policy would wait; `None` if it would give up.
    #[must_use]
    pub fn delay(&self) -> Option<Duration> {
        self.delay
    }
}

impl ReconnectHook {
    /// Creates a hook that calls this function.
    #[must_use]
    pub fn new(
        decide: impl Fn(&ReconnectContext<'_>) -> ReconnectDecision + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(decide))
    }

    /// Returns `None` if the callback panicked.
    pub(super) fn decide(&self, context: &ReconnectContext<'_>) -> Option<ReconnectDecision> {
        // A panic must not take the driver down. The hook gets only shared references, so no state of the session is left
        // broken.
        catch_unwind(AssertUnwindSafe(|| (self.0)(context))).ok()
    }
}

impl fmt::Debug for ReconnectHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconnectHook").finish_non_exhaustive()
    }
}

/// Hooks are equal if they are clones of each other.
impl PartialEq for ReconnectHook {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
