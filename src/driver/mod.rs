//! Whoever drives the session: sockets, timers, the game's backend. One driver per platform, the same face for all.

mod form;
#[cfg(not(target_arch = "wasm32"))]
mod native;
mod session_driver;
#[cfg(target_arch = "wasm32")]
mod web;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::Driver;
#[cfg(target_arch = "wasm32")]
pub(crate) use web::Driver;

pub(crate) use session_driver::{Driven, SessionDriver};

use pusher_protocol::session::{Notice, ReceivedEvent};

/// Where a driver puts what the session tells, in order. Lives on the driver's thread.
pub(crate) trait Sink: Send + 'static {
    /// A frame of so many bytes came; what it says follows.
    fn received(&mut self, bytes: usize);
    /// An event.
    fn event(&mut self, event: &ReceivedEvent<'_>);
    /// Anything else.
    fn notice(&mut self, notice: Notice);
    /// The end of a batch: what came so far becomes visible to the game, and a sleeping game is woken.
    fn flush(&mut self);
}

impl Sink for Box<dyn Sink> {
    fn received(&mut self, bytes: usize) {
        (**self).received(bytes);
    }

    fn event(&mut self, event: &ReceivedEvent<'_>) {
        (**self).event(event);
    }

    fn notice(&mut self, notice: Notice) {
        (**self).notice(notice);
    }

    fn flush(&mut self) {
        (**self).flush();
    }
}
