//! A timer of the browser. In a hidden tab it is throttled: to once a second, and after some time to once a minute.

use std::time::Duration;

use wasm_bindgen::{JsCast, closure::Closure};

use super::js;

/// How much earlier than wanted the timer may fire. It is only set again for a larger difference, because each received message postpones
/// the next heartbeat a little, and setting a timer is slow.
const SLACK: Duration = Duration::from_secs(1);

/// A timer that calls back once.
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

    /// Sets the time of the call, which may come up to [`SLACK`] earlier. `None` is never.
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
        let handle = js::global().set_timeout_with_callback_and_timeout_and_arguments_0(
            self.callback.as_ref().unchecked_ref(),
            i32::try_from(milliseconds).unwrap_or(i32::MAX),
        );
        match handle {
            Ok(handle) => self.armed = Some(Armed { handle, at }),
            Err(exception) => {
                log::error!(
                    "the browser failed to set a timer: {}",
                    js::error_message(&exception)
                );
            }
        }
    }

    /// Call this when the timer has fired.
    pub(super) fn fired(&mut self) {
        self.armed = None;
    }

    fn clear(&mut self) {
        if let Some(armed) = self.armed.take() {
            js::global().clear_timeout_with_handle(armed.handle);
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.clear();
    }
}
