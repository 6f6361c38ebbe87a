use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use crate::session::ConnectionError;

/// Code of the game's own that decides what becomes of a lost connection, where the
/// [`ReconnectPolicy`](crate::config::ReconnectPolicy) does not fit.
///
/// It is called wherever the session runs, so it is to be quick and must not block. One that panics decides nothing: the
/// policy holds, and the panic is reported.
#[derive(Clone)]
pub struct ReconnectHook(Arc<Decide>);

type Decide = dyn Fn(&ReconnectContext<'_>) -> ReconnectDecision + Send + Sync;

/// What a [`ReconnectHook`] is asked about.
#[derive(Clone, Copy, Debug)]
pub struct ReconnectContext<'a> {
    pub(super) error: &'a ConnectionError,
    pub(super) attempt: u32,
    pub(super) delay: Option<Duration>,
}

/// What a [`ReconnectHook`] decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReconnectDecision {
    /// What the policy and the protocol say.
    #[default]
    Policy,
    /// Dial again after so long, even if the policy would give up.
    After(Duration),
    /// Give up, even if the policy would dial again.
    GiveUp,
}

impl ReconnectContext<'_> {
    /// Why there is no connection.
    #[must_use]
    pub fn error(&self) -> &ConnectionError {
        self.error
    }

    /// The close code, where there is one.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        self.error.code()
    }

    /// How many failures in a row this makes, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// How long the policy would wait; `None` if it would give up.
    #[must_use]
    pub fn delay(&self) -> Option<Duration> {
        self.delay
    }
}

impl ReconnectHook {
    /// A hook that asks this function.
    #[must_use]
    pub fn new(
        decide: impl Fn(&ReconnectContext<'_>) -> ReconnectDecision + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(decide))
    }

    /// `None` if the game's code panicked.
    pub(super) fn decide(&self, context: &ReconnectContext<'_>) -> Option<ReconnectDecision> {
        catch_unwind(AssertUnwindSafe(|| (self.0)(context))).ok()
    }
}

impl fmt::Debug for ReconnectHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconnectHook").finish_non_exhaustive()
    }
}

/// Two hooks are the same if they are copies of one.
impl PartialEq for ReconnectHook {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
