//! The browser's timer. It runs in a hidden tab too, though more rarely there: once a second, and after a while once a
//! minute.

use std::time::Duration;

use wasm_bindgen::{JsCast, closure::Closure};

use super::script;

/// How much later than wanted the timer may stand. It is only set anew for more, so that a flood of frames, each of which
/// puts the next heartbeat off a little, costs next to nothing.
const SLACK: Duration = Duration::from_secs(1);

/// One timer, that calls back when its time has come.
pub(super) struct Timer {
    callback: Closure<dyn Fn()>,
    armed: Option<Armed>,
}

struct Armed {
    handle: i32,
    at: Duration,
}

impl Timer {
    pub(super) fn new(callback: impl Fn() + 'static) -> Self {
        Self {
            callback: Closure::new(callback),
            armed: None,
        }
    }

    /// Calls back at this time, or up to [`SLACK`] before it; `None` is never.
    pub(super) fn set(&mut self, at: Option<Duration>, now: Duration) {
        let Some(at) = at else {
            return self.clear();
        };
        if let Some(armed) = &self.armed
            && armed.at <= at
            && at - armed.at <= SLACK
        {
            return;
        }
        self.clear();
        let milliseconds = at.saturating_sub(now).as_nanos().div_ceil(1_000_000).max(1);
        let handle = script::global().set_timeout_with_callback_and_timeout_and_arguments_0(
            self.callback.as_ref().unchecked_ref(),
            i32::try_from(milliseconds).unwrap_or(i32::MAX),
        );
        match handle {
            Ok(handle) => self.armed = Some(Armed { handle, at }),
            Err(exception) => {
                log::error!("no timer: {}", script::words_of(&exception));
            }
        }
    }

    /// To be told when it called back.
    pub(super) fn fired(&mut self) {
        self.armed = None;
    }

    fn clear(&mut self) {
        if let Some(armed) = self.armed.take() {
            script::global().clear_timeout_with_handle(armed.handle);
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.clear();
    }
}
